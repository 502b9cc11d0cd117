// Exactly once: each order of the quickstart becomes one bill, whatever dies. Kill this process as often as you like, and run
// it in several terminals. The bills of a batch and the offsets of its orders are committed in one transaction.
// docs/SDK-GUIDE.md quotes this file, and a test runs it.
import { Rivulet } from '../client/rivulet.ts';
import './failures.ts'; // Prints an error as one line.

const rivulet = new Rivulet({ url: process.env.RIVULET_URL ?? 'http://127.0.0.1:9292' });
const prices: Record<string, number> = { espresso: 2.5, 'another espresso': 2.5, 'flat white': 4 };

await rivulet.admin().createTopics({ topics: [{ topic: 'bills', partitions: 3 }], ifNotExists: true });

const work = rivulet.exactlyOnce({
  groupId: 'bills',
  from: 'coffee',
  to: 'bills',
  // It may run again for the same order, so it must do nothing but return the results: one, several, or none.
  transform: ({ key, value }) => ({
    key,
    value: JSON.stringify({ order: String(value), price: prices[String(value)] }),
  }),
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => work.stop());

console.log('This waits for orders in the topic coffee. examples/quickstart.ts writes some each time. Ctrl-C ends it.');
await work.run();
