// The router: Lambda calls it with batches of the table's stream, which hold the heads of partitions with subscriptions.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
//
// Invariant: the answer names the first record that could not be routed. Lambda brings that one again, and all after it.

import { type Appended, route } from '../../lib/push/route.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { createLog } from '../log.ts';

/** The members that we read of Lambda's event. Numbers are text in DynamoDB's own form. */
export type StreamEvent = { readonly Records: readonly StreamRecord[] };
type StreamRecord = {
  readonly dynamodb: {
    readonly SequenceNumber: string;
    readonly Keys: { readonly pk: { readonly S: string } };
    readonly NewImage: { readonly n: { readonly N: string } };
  };
};
type Answer = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] };

const partitionsAtOnce = 16;

export function createRouterHandler(context: Parameters<typeof route>[0], service: string) {
  const { logger } = createLog(service);

  /** Returns where the batch must begin again for this partition. */
  async function routed({ first, ...appended }: Newest): Promise<number | undefined> {
    try {
      await route(context, appended);
      return undefined;
    } catch (error) {
      logger.error('NOT_ROUTED', { ...appended, cause: String(error) });
      return first;
    }
  }

  return async ({ Records: records }: StreamEvent, _context: unknown): Promise<Answer> => {
    const failed = await inParallel(newestOf(records), partitionsAtOnce, routed);
    const first = Math.min(...failed.filter((at) => at !== undefined));
    const record = records[first];
    return { batchItemFailures: record ? [{ itemIdentifier: record.dynamodb.SequenceNumber }] : [] };
  };
}

/** `first` is the place of the partition's first record in the batch. */
type Newest = Appended & { readonly first: number };

/** One run delivers everything of a partition, so that its newest head is enough. */
function newestOf(records: readonly StreamRecord[]): Newest[] {
  const newest = new Map<string, Newest>();
  for (const [at, { dynamodb }] of records.entries()) {
    const { pk } = dynamodb.Keys;
    const [topicId = '', partition = ''] = pk.S.split('/');
    const next = Number(dynamodb.NewImage.n.N);
    newest.set(pk.S, { topicId, partition: Number(partition), next, first: newest.get(pk.S)?.first ?? at });
  }
  return [...newest.values()];
}
