// A producer of transactions for tests, over the engine itself: it numbers its batches as the SDK does.
import type { Engine } from '../../lib/api/engine.ts';
import type {
  EndedTransaction,
  InitializedTransactions,
  StageReply,
  TransactionRef,
} from '../../lib/api/transactions.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { text } from '../log/world.ts';

export type TestProducer = {
  ref(): TransactionRef;
  /** Stages one batch of these values in a partition of the topic. */
  stage(topic: string, partition: number, values: readonly string[]): Promise<StageReply>;
  /** Stages the same batch again, as after a lost reply. */
  repeat(): Promise<StageReply>;
  commit(options?: { offsets: boolean }): Promise<EndedTransaction>;
  abort(): Promise<EndedTransaction>;
};

export async function startProducer(
  engine: Engine,
  transactionalId: string,
  timeoutMs?: number,
): Promise<TestProducer> {
  const begun = await engine.transactions.init({ transactionalId, ...(timeoutMs !== undefined && { timeoutMs }) });
  return producerOf(engine, begun);
}

export function producerOf(engine: Engine, begun: InitializedTransactions): TestProducer {
  let ref: TransactionRef = begun;
  let { producerId, producerEpoch } = begun;
  let sequences = new Map<string, number>();
  let last: Parameters<Engine['transactions']['stage']>[0] | undefined;
  const next = (ended: EndedTransaction): EndedTransaction => {
    ref = { ...ref, transaction: ended.next };
    ({ producerId, producerEpoch } = ended);
    sequences = new Map();
    return ended;
  };
  return {
    ref: () => ref,
    async stage(topic, partition, values) {
      const name = `${topic}/${partition}`;
      const baseSequence = sequences.get(name) ?? 0;
      sequences.set(name, baseSequence + values.length);
      const records = values.map((value) => ({ key: text('k'), value: text(value), headers: [], timestampMs: 1 }));
      const options = { producerId, producerEpoch, baseSequence, isTransactional: true };
      last = { in: ref, topic, partitions: [{ partition, batches: encodeBatch(records, options) }] };
      return engine.transactions.stage(last);
    },
    repeat: () => engine.transactions.stage(last!),
    commit: async (options) => next(await engine.transactions.commit({ in: ref, ...options })),
    abort: async () => next(await engine.transactions.abort({ in: ref })),
  };
}
