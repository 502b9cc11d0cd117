// A compacted log has gaps: inside batches, between them, and as batches without records, also at its end. Every reader
// passes them, through the real server: JSON, binary, the SDK's consumer, a group and its lag, seek, times, and the command
// line.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { createEngine } from '../../lib/engine.ts';
import { splitBatches } from '../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames } from '../../lib/record/frames.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { run } from '../cli/processes.ts';
import { type Backend, memoryPorts, startEmbedded } from '../client/embedded.ts';
import { signedFetch } from '../local/wire.ts';
import { type CompactedWorld, createCompactedWorld, cutInto, runPass } from '../maintenance/compaction/world.ts';
import { passOver } from '../maintenance/pass.ts';

let backend: Backend;
let rivulet: Rivulet;
let world: CompactedWorld;

const baseMs = Date.UTC(2026, 0, 1);
/** Each record is its key and its second. The offset is the place in the list. Records without a key came before compaction. */
const batches: [string | null, number][][] = [
  [
    ['a', 0],
    ['b', 1],
  ], // all gone: an empty batch at the beginning
  [
    ['c', 2],
    ['a', 3],
    ['d', 4],
  ], // the middle stays: 3
  [
    ['c', 9],
    ['d', 5],
  ], // 5 has the greatest time, and goes; 6 stays
  [
    ['e', 6],
    ['e', 7],
  ], // 8 stays
  [
    ['c', 8],
    ['b', 8],
  ], // 9 and 10 stay
  [
    [null, 8],
    [null, 8],
  ], // an empty batch at the end: 11 and 12
];
const kept = [3, 6, 8, 9, 10];
const end = 13;

beforeAll(async () => {
  const ports = memoryPorts();
  backend = await startEmbedded(ports);
  rivulet = new Rivulet({ url: backend.url });
  const clock = { ...systemClock, advance: () => {} };
  world = await createCompactedWorld({ 'cleanup.policy': 'delete' }, { ...ports, clock, engine: createEngine(ports) });
  for (const batch of batches) {
    const records = batch.map(([key, second]) => ({
      partition: 0,
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from('"v"'),
      headers: [],
      timestampMs: baseMs + second * 1000,
    }));
    await world.engine.appendRecords({ topic: 't', records });
  }
  await cutInto(world, [1, 1, 1, 2, 1]);
  const overrides = { ...world.topic.overrides, 'cleanup.policy': 'compact' };
  world = { ...world, topic: { ...world.topic, overrides } };
  await runPass(world, { unitItems: 1 }, passOver(world));
});
afterAll(() => backend.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  signedFetch(backend.url, { method: 'GET', path, headers });

const next = (offset: number) => kept.find((one) => one >= offset);

test('JSON goes on after gaps and empty batches, from every offset', async () => {
  for (let offset = 0; offset < end; offset++) {
    const response = await get(`/v1/topics/t/partitions/0/records?offset=${offset}`);
    const { records, nextOffset } = (await response.json()) as { records: { offset: number }[]; nextOffset: number };
    expect(records.map((record) => record.offset)).toEqual(kept.filter((one) => one >= offset));
    expect(nextOffset).toBe(end);
  }
});

test('JSON in small replies comes to the end', async () => {
  const seen: number[] = [];
  for (let offset = 0; offset < end; ) {
    const response = await get(`/v1/topics/t/partitions/0/records?maxBytes=1&offset=${offset}`);
    const { records, nextOffset } = (await response.json()) as { records: { offset: number }[]; nextOffset: number };
    expect(nextOffset).toBeGreaterThan(offset);
    seen.push(...records.map((record) => record.offset));
    offset = nextOffset;
  }
  expect(seen).toEqual(kept);
});

test('a binary fetch that begins in a gap begins with the next batch', async () => {
  for (let offset = 0; offset < end; offset++) {
    const path = `/v1/topics/t/partitions/0/records?maxBytes=1&offset=${offset}`;
    const response = await get(path, { accept: BATCHES_MEDIA_TYPE });
    const [frame] = decodeFetchFrames(new Uint8Array(await response.arrayBuffer()));
    const [first] = splitBatches(frame!.batches);
    expect(first!.header.baseOffset + first!.header.lastOffsetDelta).toBeGreaterThanOrEqual(offset);
    expect(first!.header.baseOffset).toBeLessThanOrEqual(next(offset) ?? end);
  }
});

async function consume(from: number, maxBytesPerPartition?: number): Promise<number[]> {
  const consumer = rivulet.consumer({
    autoOffsetReset: 'earliest',
    ...(maxBytesPerPartition && { maxBytesPerPartition }),
  });
  consumer.assign([{ topic: 't', partition: 0, offset: from }]);
  const seen: number[] = [];
  for await (const { offset } of consumer) {
    seen.push(offset);
    if (offset === kept.at(-1)) break;
  }
  return seen;
}

test('a consumer reads every record once, from every offset, with large fetches and small', async () => {
  for (let offset = 0; offset <= kept.at(-1)!; offset++) {
    const wanted = kept.filter((one) => one >= offset);
    expect(await consume(offset)).toEqual(wanted);
    expect(await consume(offset, 1)).toEqual(wanted);
  }
});

test('a group commits past the empty batch at the end, and has no lag then', async () => {
  const consumer = rivulet.consumer({ groupId: 'g', autoOffsetReset: 'earliest', autoCommitIntervalMs: 50 });
  consumer.subscribe({ topics: ['t'] });
  const seen: number[] = [];
  const running = consumer.run({ eachMessage: ({ offset }) => void seen.push(offset) });
  const lag = async () => (await world.engine.groups.lag('g'))[0];
  await expect.poll(lag, { timeout: 20_000 }).toMatchObject({ currentOffset: end, lag: 0 });
  await consumer.stop();
  await running;
  expect(seen).toEqual(kept);
});

test('seek into a gap goes on with the next record', async () => {
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const seen: number[] = [];
  for await (const { offset } of consumer) {
    seen.push(offset);
    if (seen.length === 1) consumer.seek({ topic: 't', partition: 0, offset: 7 });
    if (offset === kept.at(-1)) break;
  }
  expect(seen).toEqual([3, 8, 9, 10]);
});

test('a search by time finds records that are there', async () => {
  const at = async (query: number | 'maxTimestamp') =>
    (await world.engine.offsets({ topic: 't', at: query, partitions: [0] })).partitions[0];
  expect(await at(baseMs)).toEqual({ partition: 0, offset: 3, timestampMs: baseMs + 3_000 });
  expect(await at(baseMs + 4_000)).toEqual({ partition: 0, offset: 6, timestampMs: baseMs + 5_000 });
  expect(await at(baseMs + 6_000)).toEqual({ partition: 0, offset: 8, timestampMs: baseMs + 7_000 });
  expect(await at(baseMs + 9_000)).toMatchObject({ offset: -1 });
  expect(await at('maxTimestamp')).toEqual({ partition: 0, offset: 9, timestampMs: baseMs + 8_000 });
});

test('the command line reads to the end, and counts only records', async () => {
  const rivuletConsume = (...args: string[]) =>
    run(['consume', 't', '--from-beginning', '--format', 'ndjson', ...args], {
      environment: { RIVULET_URL: backend.url },
    });
  const offsets = (stdout: string) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).offset);
  const some = await rivuletConsume('--max-messages', '3');
  expect(offsets(some.stdout)).toEqual(kept.slice(0, 3));
  const all = await rivuletConsume('--timeout-ms', '1500');
  expect(offsets(all.stdout)).toEqual(kept);
  expect(all.stderr).toContain('Processed a total of 5 messages');
});

test('a producer that sends a record without a key to a compacted topic is told which, and nothing is written', async () => {
  await rivulet.admin().createTopics({ topics: [{ topic: 'keyed', config: { 'cleanup.policy': 'compact' } }] });
  const producer = rivulet.producer();
  const send = (...keys: (string | null)[]) =>
    producer.send({ topic: 'keyed', messages: keys.map((key) => ({ partition: 0, key, value: 'v' })) });
  await expect(send('a', null)).rejects.toMatchObject({
    errorCode: 'INVALID_RECORD',
    outcome: 'not-written',
    message: expect.stringContaining('records[1].key: expected a key, because topic keyed is compacted, got null'),
  });
  await send('a', 'b');
  await producer.disconnect();
  const body = JSON.stringify({ records: [{ key: 'a', value: 1 }, { value: 2 }] });
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'once' };
  const refused = await signedFetch(backend.url, { method: 'POST', path: '/v1/topics/keyed/records', headers, body });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    errorCode: 'INVALID_RECORD',
    outcome: 'not-written',
    detail: expect.stringContaining('records[1].key: expected a key, because topic keyed is compacted, got null'),
  });
});
