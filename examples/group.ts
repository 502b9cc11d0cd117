// A consumer group. Run this in several terminals: the members share the topic's partitions. Ctrl-C commits the handled
// records and leaves the group. After a member is killed, the others take over its partitions when its session has ended.
// The README quotes this file, and a test runs it.
import { Rivulet } from '../client/rivulet.ts';
import './failures.ts'; // Prints an error as one line.

const rivulet = new Rivulet({ url: process.env.RIVULET_URL ?? 'http://127.0.0.1:9292' });

await rivulet.admin().createTopics({ topics: [{ topic: 'coffee', partitions: 3 }], ifNotExists: true });

const consumer = rivulet.consumer({
  groupId: 'baristas',
  autoOffsetReset: 'earliest',
  onPartitionsAssigned: (partitions) => console.log(`now mine: ${partitions.map(({ partition }) => partition)}`),
  onPartitionsRevoked: (partitions) => console.log(`given up: ${partitions.map(({ partition }) => partition)}`),
});
consumer.subscribe({ topics: ['coffee'] });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => consumer.stop());

await consumer.run({
  concurrency: 3, // Three partitions in parallel, and the messages of each in their order.
  eachMessage: async ({ partition, offset, key, value }) => {
    console.log(`made: partition ${partition}, offset ${offset}: ${value} for ${key}`);
  },
});
