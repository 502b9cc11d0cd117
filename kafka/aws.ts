// The gateway over S3 and DynamoDB: an engine that lives as long as its process, for many clients at a time. This is a
// composition root. Several such processes may serve one table and bucket, beside the functions of a deployment: what
// counts is in the table.
import type { Engine } from '../lib/api/engine.ts';
import { createEngine } from '../lib/engine.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import type { AwsConnection } from '../lib/storage/aws/connection.ts';
import { openAwsStorage } from '../lib/storage/aws/ports.ts';
import { clusterIdOf } from '../lib/storage/cluster-id.ts';
import { type Counters, newCounters } from '../lib/storage/count.ts';
import type { ObjectStore } from '../lib/storage/object-store.ts';
import { StorageError } from '../lib/storage/storage-error.ts';

export type AwsBackendOptions = Pick<AwsConnection, 'region'> & {
  readonly tableName: string;
  readonly bucket: string;
  /** Requests that come while four uploads of a topic are under way wait so long for one to end. */
  readonly lingerMs: number;
  /** The first round of a group waits so long for more members. */
  readonly initialRebalanceDelayMs: number;
  /** Emulators have no host names for buckets, and their slowness is that of the machine. */
  readonly isEmulator: boolean;
};

export type AwsBackend = {
  readonly engine: Engine;
  /** All processes that serve the table give the same. */
  readonly clusterId: string;
  /** The storage requests since the backend was opened. */
  readonly totals: Counters;
};

/** Resolves when the table has answered. Rejects with a sentence for the person who started it. */
export async function openAwsBackend(options: AwsBackendOptions): Promise<AwsBackend> {
  const { tableName, bucket, region, lingerMs, initialRebalanceDelayMs, isEmulator } = options;
  const totals = newCounters();
  const ports = openAwsStorage({
    ...{ tableName, bucket, ...(region !== undefined && { region }) },
    ...{ forcePathStyle: isEmulator, hedged: !isEmulator, clock: systemClock, totals },
  });
  const clusterId = await explained(clusterIdOf(ports.table, systemClock), options);
  await explained(lookForBucket(ports.objects), options);
  const engine = createEngine({
    ...{ ...ports, clock: systemClock, readsAhead: true, groupCommit: { lingerMs }, initialRebalanceDelayMs },
  });
  return { engine, clusterId, totals };
}

/** No object has this name. A role that may not list the bucket cannot see so; a missing bucket is seen by everybody. */
const noObject = 'kafka-gateway-looks-whether-the-bucket-exists';

const lookForBucket = (objects: ObjectStore): Promise<unknown> => objects.get(noObject);

const sentences: readonly (readonly [pattern: RegExp, sentence: (options: AwsBackendOptions) => string])[] = [
  [/Region is missing/, () => 'region: expected --region or AWS_REGION, got none'],
  [
    /CredentialsProviderError/,
    () => 'credentials: expected some from the AWS chain (environment, profile, role), got none',
  ],
  [/NoSuchBucket/, ({ bucket }) => `bucket: expected one that exists, got ${bucket}`],
  [
    /PermanentRedirect|AuthorizationHeaderMalformed/,
    ({ bucket }) => `bucket: expected one of the region, got ${bucket}`,
  ],
  [
    /ResourceNotFoundException/,
    ({ tableName }) => `table: expected one of the account and region, got ${tableName}: is it another region's?`,
  ],
];

async function explained<T>(work: Promise<T>, options: AwsBackendOptions): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const [, sentence] = sentences.find(([pattern]) => pattern.test(error.message)) ?? [];
    throw sentence ? new Error(sentence(options), { cause: error }) : error;
  }
}
