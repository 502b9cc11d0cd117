// The SDK in a minute, against `rivulet serve` on this machine or the service that RIVULET_URL names. The README quotes
// this file, and a test runs it.
import { Rivulet } from '../client/rivulet.ts';
import './failures.ts'; // Prints an error as one line.

const rivulet = new Rivulet({ url: process.env.RIVULET_URL ?? 'http://127.0.0.1:9292' });

await rivulet.admin().createTopics({ topics: [{ topic: 'coffee', partitions: 3 }], ifNotExists: true });

const producer = rivulet.producer();
const orders = [
  { key: 'ada', value: 'espresso' },
  { key: 'grace', value: 'flat white' },
  { key: 'ada', value: 'another espresso' },
];
for (const { partition, offset } of await producer.send({ topic: 'coffee', messages: orders })) {
  console.log(`written: partition ${partition}, offset ${offset}`);
}
await producer.disconnect();

const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
consumer.assign([0, 1, 2].map((partition) => ({ topic: 'coffee', partition })));
let left = orders.length;
for await (const { key, value, partition, offset } of consumer) {
  console.log(`read: partition ${partition}, offset ${offset}: ${key} wants ${value}`);
  if (--left === 0) break;
}
