import { afterEach, expect, test } from 'vitest';
import { Rivulet } from '../../../client/rivulet.ts';
import type { Retry } from '../../../client/transport/outage.ts';
import {
  isProduce,
  type Reply,
  refusal,
  type Script,
  type ScriptedServer,
  scriptedServer,
} from '../scripted-server.ts';

const servers: ScriptedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start(script: Script) {
  const server = await scriptedServer(script);
  servers.push(server);
  const told: string[] = [];
  const retries: Retry[] = [];
  const rivulet = new Rivulet({
    url: server.url,
    retry: { baseMs: 20, capMs: 20 },
    onRetry: (retry) => {
      retries.push(retry);
      told.push(`${retry.error.errorCode} ${retry.attempt}`);
    },
    onRecovery: ({ attempt }) => told.push(`recovered ${attempt}`),
  });
  return { server, rivulet, told, retries };
}

/** Gives the replies one after the other, and then the usual ones. */
const inTurn =
  (...replies: Reply[]): Script =>
  () =>
    replies.shift();

test('failures in a row are reported with their number and duration, and then the recovery is reported once', async () => {
  const { rivulet, told, retries } = await start(inTurn({ close: true }, { status: 503, text: 'gateway' }));
  await rivulet.admin().describeTopic('t');
  await rivulet.admin().describeTopic('t');
  expect(told).toEqual(['NETWORK_EXCEPTION 1', 'THROTTLED 2', 'recovered 2']);
  expect(retries[0]!.sinceMs).toBeLessThan(retries[1]!.sinceMs);
});

test('an error that is not retriable counts as an answer', async () => {
  const missing = { status: 404, json: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404, retriable: false } };
  const { rivulet, told } = await start(inTurn({ close: true }, missing));
  await expect(rivulet.admin().describeTopic('t')).rejects.toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
  expect(told).toEqual(['NETWORK_EXCEPTION 1', 'recovered 1']);
});

test('a produce request that every partition refuses for now is reported with the error of the first', async () => {
  let refused = 0;
  const later = { status: 503, errorCode: 'STORAGE_UNAVAILABLE', retriable: true, outcome: 'not-written' };
  const { rivulet, told } = await start((request) =>
    isProduce(request) && refused++ === 0 ? refusal(request, later) : undefined,
  );
  const producer = rivulet.producer();
  await producer.send({ topic: 't', messages: [{ value: 'a' }] });
  expect(told).toEqual(['STORAGE_UNAVAILABLE 1', 'recovered 1']);
  await producer.disconnect();
});

test('a consumer that was interrupted has not failed', async () => {
  const { rivulet, told, server } = await start(() => undefined);
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const reading = consumer.run({ eachMessage: () => undefined });
  await expect.poll(() => server.received.length).toBeGreaterThan(0);
  consumer.seek({ topic: 't', partition: 0, offset: 5 });
  await consumer.stop();
  await reading;
  expect(told).toEqual([]);
});
