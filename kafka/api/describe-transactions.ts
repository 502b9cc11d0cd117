// DescribeTransactions (65). Describes transactional ids by name.
//
// Version 0. Deviation: a partition is listed when the transaction has staged records in it, and not when it was only added.
import type { TransactionDetails } from '../../lib/api/transactions.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, readCode } from '../errors.ts';
import { startOf, stateName } from '../transaction-states.ts';

type Request = { readonly transactionalIds: readonly string[] };

type Reply = { readonly transactionStates: readonly StateReply[] };

type StateReply = {
  readonly errorCode: number;
  readonly transactionalId: string;
  readonly transactionState: string;
  readonly transactionTimeoutMs: number;
  readonly transactionStartTimeMs: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
};

const idsAtOnce = 16;

export const describeTransactions = defineApi<Request, Reply>({
  key: 65,
  versions: [0, 0],
  overlaps: true,
  async answer(gateway, { transactionalIds }) {
    return { transactionStates: await inParallel(transactionalIds, idsAtOnce, (id) => describe(gateway, id)) };
  },
});

async function describe({ engine }: Gateway, transactionalId: string): Promise<StateReply> {
  try {
    const found = await engine.transactions.describe(transactionalId);
    const { producerId, producerEpoch, timeoutMs } = found;
    return {
      ...{ errorCode: code.none, transactionalId, producerId, producerEpoch },
      transactionState: stateName(found),
      transactionTimeoutMs: timeoutMs,
      transactionStartTimeMs: startOf(found),
      topics: topicsOf(found),
    };
  } catch (error) {
    return {
      ...{ errorCode: readCode(error), transactionalId, producerId: -1, producerEpoch: -1, transactionState: '' },
      ...{ transactionTimeoutMs: -1, transactionStartTimeMs: -1, topics: [] },
    };
  }
}

/** A topic that was deleted since has no name here, and is left out. */
function topicsOf({ partitions }: TransactionDetails): StateReply['topics'] {
  const named = partitions.flatMap(({ topic, partition }) => (topic === undefined ? [] : [{ topic, partition }]));
  const topics = Map.groupBy(named, ({ topic }) => topic);
  return [...topics].map(([topic, of]) => ({ topic, partitions: of.map(({ partition }) => partition) }));
}
