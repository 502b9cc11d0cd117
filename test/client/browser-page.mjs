// This program stands for a page: it deletes what browsers lack, and then uses the SDK's build for browsers. It gets the
// bundle's file and the story as arguments, and prints what it saw as JSON.
import { argv, stdout } from 'node:process';

const [, , bundle, story] = argv;
const { topic, ...options } = JSON.parse(story);

for (const name of ['process', 'Buffer', 'setImmediate', 'clearImmediate', 'global']) delete globalThis[name];
for (const name of ['setTimeout', 'setInterval']) {
  const ofNode = globalThis[name];
  globalThis[name] = (...args) => Number(ofNode(...args));
}

const { Rivulet } = await import(bundle);
const rivulet = new Rivulet(options);
const consumer = rivulet.consumer({ groupId: 'page', autoOffsetReset: 'earliest' });
const seen = [];
try {
  const producer = rivulet.producer({ compression: 'gzip', lingerMs: 0 });
  await producer.send({ topic, messages: [{ key: 'page', value: 'grüße '.repeat(1_000), headers: { a: 'b' } }] });
  consumer.subscribe({ topics: [topic] });
  for await (const { key, value, headers } of consumer.stream()) {
    seen.push({
      key: key.toString(),
      value: value.toString(),
      headers: headers.map((one) => `${one.key}=${one.value}`),
    });
    if (key.toString() === 'page') break;
  }
  let refusal = '';
  try {
    rivulet.producer({ compression: 'zstd' });
  } catch ({ message }) {
    refusal = message;
  }
  stdout.write(JSON.stringify({ seen, refusal }));
} catch (error) {
  stdout.write(JSON.stringify({ seen, error: String(error), cause: String(error.cause?.stack ?? error.stack) }));
} finally {
  await consumer.stop().catch(() => undefined);
}
