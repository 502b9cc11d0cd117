// One worker of the payments demo, in a process of its own that is killed without warning. It reads payments and writes the
// two postings of each. It tells the demo which payments it has in hand, so that the demo knows when a kill hurts.
import { setTimeout as sleep } from 'node:timers/promises';
import { stopSignals } from '../cli/stop-signals.ts';
import type { ConsumedMessage } from '../client/message.ts';
import { Rivulet } from '../client/rivulet.ts';
import { identity } from './demo-identity.ts';
import { type Payment, postingsOf } from './payments-book.ts';

export type WorkerOptions = {
  readonly url: string;
  readonly groupId: string;
  readonly from: string;
  readonly to: string;
  readonly isUnsafe: boolean;
};
export type WorkerReport = { readonly inHand: number };

const { url, groupId, from, to, isUnsafe } = JSON.parse(process.argv[2]!) as WorkerOptions;
const rivulet = new Rivulet({ url, clientId: 'payments', ...identity(url) });
/** The shortest session that a group allows: after it, the others take over the partitions of a worker that was killed. */
const consumer = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500, maxPollRecords: 10 };
const thinkMs = 5; // As if a payment took some thought.

const messagesOf = ({ value }: ConsumedMessage) =>
  postingsOf(JSON.parse(String(value)) as Payment).map((one) => ({ key: one.account, value: JSON.stringify(one) }));

/** Both postings of each payment, and the offset of the payment, in one transaction. */
function safe() {
  let thought: Promise<unknown> = Promise.resolve();
  return rivulet.exactlyOnce({
    groupId,
    from,
    to,
    consumer,
    async transform(message) {
      tell({ inHand: 1 });
      thought = thought.then(() => sleep(thinkMs));
      await thought;
      return messagesOf(message);
    },
  });
}

/** The same without transactions: each posting is a record of its own, and then the offsets are committed. */
function unsafe() {
  const reader = rivulet.consumer({ ...consumer, groupId, autoOffsetReset: 'earliest', autoCommit: false });
  const producer = rivulet.producer();
  reader.subscribe({ topics: [from] });
  const run = () =>
    reader.run({
      eachBatch: async ({ topic, partition, messages }) => {
        for (const message of messages) {
          tell({ inHand: 1 });
          await sleep(thinkMs);
          for (const posting of messagesOf(message)) await producer.send({ topic: to, messages: [posting] });
        }
        await reader.commit([{ topic, partition, offset: messages.at(-1)!.offset + 1 }]);
      },
    });
  return { run, stop: () => reader.stop() };
}

const work = isUnsafe ? unsafe() : safe();
// The demo handles signals to the whole process group, so its workers ignore them.
for (const signal of stopSignals) process.on(signal, () => undefined);
process.once('disconnect', () => process.exit());
process.once('message', () => void work.stop());
await work.run();
process.disconnect();

function tell(report: WorkerReport): void {
  process.send!(report, undefined, {}, () => undefined);
}
