// One member of the demo's group, in a process of its own that can be killed. It reports to the demo what it is assigned and
// what it has read, and only then counts a record as handled. So the demo misses no record of a member that dies.
import { setTimeout as sleep } from 'node:timers/promises';
import { stopSignals } from '../cli/stop-signals.ts';
import type { TopicPartition } from '../client/consumer/consumer-options.ts';
import { Rivulet } from '../client/rivulet.ts';
import type { MemberOptions, MemberReport } from './demo-group.ts';
import { identity } from './demo-identity.ts';

const { url, name, topic, groupId, sessionTimeoutMs } = JSON.parse(process.argv[2]!) as MemberOptions;
const consumer = new Rivulet({ url, clientId: name, ...identity(url) }).consumer({
  groupId,
  sessionTimeoutMs,
  heartbeatIntervalMs: 500,
  autoOffsetReset: 'earliest',
  autoCommitIntervalMs: 200,
  maxPollRecords: 100,
  onPartitionsAssigned: (partitions) => tell({ assigned: numbersOf(partitions) }),
  onPartitionsRevoked: (partitions) => tell({ revoked: numbersOf(partitions) }),
});
consumer.subscribe({ topics: [topic] });
// The demo handles signals to the whole process group, so its members ignore them.
for (const signal of stopSignals) process.on(signal, () => undefined);
process.once('disconnect', () => process.exit());
process.once('message', () => void consumer.stop());
await consumer.run({
  concurrency: 2,
  eachBatch: async ({ partition, messages }) => {
    await sleep(10); // As if it had something to do.
    const read = messages.map(({ key, value, offset }) => ({
      ...{ origin: String(key), text: String(value) },
      ...{ partition, offset },
    }));
    await tell({ read });
  },
});
process.disconnect();

function numbersOf(partitions: readonly TopicPartition[]): number[] {
  return partitions.map(({ partition }) => partition);
}

/** Resolves when the report is sent. After that, the demo gets it even if this process dies. */
function tell(report: MemberReport): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(report, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });
}
