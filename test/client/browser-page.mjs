// This program stands for a page: it runs the SDK's build for browsers among the globals of a browser, without those of Node.
// It gets the bundle's file and the story as arguments, and prints what it saw as JSON.
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { createContext, SourceTextModule } from 'node:vm';
import { pageFetch } from './page-fetch.mjs';

const [, , bundle, story] = argv;
const { topic, origin, ...options } = JSON.parse(story);

const ofBrowsers = {
  fetch: origin ? pageFetch(origin) : fetch,
  URL,
  AbortSignal,
  AbortController,
  ReadableStream,
  WritableStream,
  TextEncoder,
  TextDecoder,
};
const ofBoth = { crypto, performance, clearTimeout, clearInterval, queueMicrotask, atob, btoa };
// The module shares its bytes with fetch, so both need the same classes of them.
const ofBytes = { Uint8Array, ArrayBuffer, DataView, WebAssembly };
const timers = {
  setTimeout: (...args) => Number(setTimeout(...args)),
  setInterval: (...args) => Number(setInterval(...args)),
};
const context = createContext({ ...ofBrowsers, ...ofBoth, ...ofBytes, ...timers });
const module = new SourceTextModule(readFileSync(bundle, 'utf8'), { context });
await module.link(() => {
  throw new Error('the bundle imports something');
});
await module.evaluate();
const { Rivulet } = module.namespace;
const rivulet = new Rivulet(options);
const consumer = rivulet.consumer({ groupId: 'page', autoOffsetReset: 'earliest' });
const seen = [];
try {
  const producer = rivulet.producer({ compression: 'gzip', lingerMs: 0 });
  await producer.send({ topic, messages: [{ key: 'page', value: 'grüße '.repeat(3), headers: { a: 'b' } }] });
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
