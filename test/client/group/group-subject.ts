// The tests of a group's consumer begin with this subject: a consumer and a scripted coordinator. Consumers that a test
// leaves running are disconnected after it.
import { afterEach, expect } from 'vitest';
import type { Consumer } from '../../../client/consumer/consumer.ts';
import type { ConsumerOptions } from '../../../client/consumer/consumer-options.ts';
import type { ConsumedMessage } from '../../../client/message.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { type ScriptedGroup, scriptedGroup } from '../scripted-group.ts';
import { type Script, type ScriptedServer, scriptedServer } from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
const consumers: Consumer[] = [];
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.disconnect()));
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Registers a consumer to be disconnected after the test. */
export function started(consumer: Consumer): Consumer {
  consumers.push(consumer);
  return consumer;
}

export async function start(records: Script, options: ConsumerOptions = {}) {
  const group = scriptedGroup(records);
  const server = await scriptedServer(group.script);
  servers.push(server);
  const rivulet = new Rivulet({
    url: server.url,
    retry: { baseMs: 5, capMs: 20, retries: 3 },
    requestTimeoutMs: 2_000,
  });
  const consumer = started(rivulet.consumer({ groupId: 'g', autoOffsetReset: 'earliest', ...options }));
  consumer.subscribe({ topics: ['t'] });
  return { group, server, consumer };
}

export const soon = { timeout: 5_000, interval: 5 };
export const t = (partition: number) => ({ topic: 't', partition });
export const offsetsOf = (messages: readonly ConsumedMessage[], partition: number) =>
  messages.filter((message) => message.partition === partition).map(({ offset }) => offset);
export const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, i) => from + i);
export const settled = (group: ScriptedGroup) =>
  expect.poll(() => group.owned().sort(), soon).toEqual([...group.assigned].sort());

/** A promise and the function that resolves it. */
export function gate() {
  let open!: () => void;
  return { opened: new Promise<void>((resolve) => (open = resolve)), open: () => open() };
}

/** Reads for ever, a message every millisecond or two. */
export function slowly(consumer: Consumer) {
  const seen: ConsumedMessage[] = [];
  const eachMessage = (message: ConsumedMessage) => {
    seen.push(message);
    return systemClock.sleep(1);
  };
  return { seen, run: consumer.run({ eachMessage }) };
}
