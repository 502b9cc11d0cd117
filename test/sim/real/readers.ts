// A real world has two kinds of readers. One sends its own requests, one by one. The other is the SDK's consumer, which
// reads ahead.
import { setTimeout as sleep } from 'node:timers/promises';
import { Rivulet } from '../../../client/rivulet.ts';
import { decodeBatch } from '../../../lib/record/batch.ts';
import { splitBatches } from '../../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames } from '../../../lib/record/frames.ts';
import type { Poll } from '../log/history.ts';
import { answerMs, sendSigned } from './signed-http.ts';
import { below, pick, realTopic, type Surroundings } from './surroundings.ts';

/** Goes through the partitions, and now and then back to the beginning of one. */
export async function logReader(world: Surroundings, client: string): Promise<void> {
  const positions = Array.from({ length: world.partitions }, () => 0);
  while (!world.isOver()) {
    const partition = below(world.partitions);
    const offset = Math.random() < 0.05 ? 0 : positions[partition]!;
    const begunMs = performance.now();
    const read = await readOnce(pick(world.backend.urls), partition, offset, below(500));
    if (read) {
      world.history.polls.push({ client, partition, offset, begunMs, endedMs: performance.now(), ...read });
      positions[partition] = (read.records.at(-1)?.offset ?? offset - 1) + 1;
    }
    await sleep(below(100));
  }
}

/** Makes one fetch. The result is undefined when there was no answer, or an error. */
export async function readOnce(
  url: string,
  partition: number,
  offset: number,
  waitMs: number,
): Promise<Pick<Poll, 'highWatermark' | 'records'> | undefined> {
  const answer = await sendSigned(url, {
    method: 'POST',
    path: `/v1/topics/${realTopic}/fetch`,
    headers: { 'content-type': 'application/json', accept: BATCHES_MEDIA_TYPE },
    body: JSON.stringify({ partitions: [{ partition, offset }], waitMs, maxBytes: 20_000 }),
    timeoutMs: answerMs + waitMs,
  });
  if (answer === 'lost' || answer.status >= 300) return undefined;
  const frame = decodeFetchFrames(answer.body)[0]!;
  if (frame.errorCode !== 0) return undefined;
  const records = splitBatches(frame.batches)
    .flatMap(({ from, to }) => decodeBatch(frame.batches.subarray(from, to)).records)
    .filter((record) => record.offset >= offset)
    .map((record) => ({ offset: record.offset, value: Buffer.from(record.value!).toString() }));
  return { highWatermark: frame.highWatermark, records };
}

/**
 * Reads all partitions from their beginning, as the consumer delivers them. The consumer may have fetched a record at
 * any time since it began.
 */
export async function sdkReader(world: Surroundings, client: string): Promise<void> {
  const { partitions, backend, history } = world;
  const url = pick(backend.urls);
  const consumer = new Rivulet({ url }).consumer({ autoOffsetReset: 'none', maxWaitMs: 500 });
  const positions = Array.from({ length: partitions }, () => 0);
  consumer.assign(positions.map((offset, partition) => ({ topic: realTopic, partition, offset })));
  const begunMs = performance.now();
  const running = consumer.run({
    eachBatch({ partition, messages, highWatermark }) {
      const records = messages.map(({ offset, value }) => ({ offset, value: String(value) }));
      const offset = positions[partition]!;
      history.polls.push({ client, partition, offset, begunMs, endedMs: performance.now(), highWatermark, records });
      positions[partition] = records.at(-1)!.offset + 1;
    },
  });
  while (!world.isOver()) await Promise.race([sleep(100), running]);
  await consumer.stop();
  await running;
}
