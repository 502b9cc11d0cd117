// This follows the topic of the transactions of a real world. A read is an answer to "was it readable then?": it sees every
// write that was acknowledged before it began. So what a read did not show was not readable when that read began.
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeBatch } from '../../../lib/record/batch.ts';
import { splitBatches } from '../../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames, type FetchFrame } from '../../../lib/record/frames.ts';
import type { History } from '../transactions/history.ts';
import { sendSigned } from './signed-http.ts';
import { below } from './surroundings.ts';

export const transactionsTopic = 'real-transactions';

/** Where a partition ended in a read that began at `begunMs`. */
type End = { readonly partition: number; readonly begunMs: number; readonly highWatermark: number };

export type TransactionLog = {
  /** Reads these partitions to the ends that they have now. Tries until it has an answer. */
  look(partitions: readonly number[]): Promise<void>;
  valuesOf(partition: number): readonly string[];
  /** Reads the whole log once more, from its beginning, and says since when each record was readable. */
  finish(): Promise<void>;
};

export function followLog(url: string, partitions: number, history: History): TransactionLog {
  const logs = Array.from({ length: partitions }, (): string[] => []);
  const ends: End[] = [];

  async function look(wanted: readonly number[]): Promise<void> {
    for (let left = wanted; left.length > 0; ) {
      const begunMs = performance.now();
      const frames = await fetchFrom(url, left, logs);
      if (!frames) await sleep(below(200));
      for (const frame of frames ?? []) take(frame, begunMs);
      const isAtEnd = ({ partition, highWatermark }: FetchFrame) => logs[partition]!.length >= highWatermark;
      const done = new Set(frames?.filter(isAtEnd).map(({ partition }) => partition));
      left = left.filter((partition) => !done.has(partition));
    }
  }

  /** Several reads may be under way, so a record may come twice. */
  function take({ partition, highWatermark, batches }: FetchFrame, begunMs: number): void {
    ends.push({ partition, begunMs, highWatermark });
    const log = logs[partition]!;
    const records = splitBatches(batches).flatMap(({ from, to }) => decodeBatch(batches.subarray(from, to)).records);
    const values = records.map(({ value }) => Buffer.from(value!).toString());
    if (values.length > 0) history.polls.push({ partition, offset: records[0]!.offset, values });
    for (const [i, { offset }] of records.entries()) if (offset === log.length) log.push(values[i]!);
  }

  return {
    look,
    valuesOf: (partition) => [...logs[partition]!],
    async finish() {
      for (const log of logs) log.length = 0;
      await look([...logs.keys()]);
      for (const [partition, log] of logs.entries()) {
        history.log.set(partition, log);
        noteSights(
          history,
          log,
          ends.filter((end) => end.partition === partition),
        );
      }
    },
  };
}

/** A record was seen at the time of the last read that did not show it, or later: that is all that reads can tell. */
export function noteSights({ seenMs }: History, log: readonly string[], ends: readonly Omit<End, 'partition'>[]): void {
  const inOrder = ends.toSorted((a, b) => a.highWatermark - b.highWatermark);
  let next = 0;
  let unseenMs = Number.NEGATIVE_INFINITY;
  for (const [offset, value] of log.entries()) {
    for (; next < inOrder.length && inOrder[next]!.highWatermark <= offset; next++)
      unseenMs = Math.max(unseenMs, inOrder[next]!.begunMs);
    seenMs.set(value, unseenMs);
  }
}

async function fetchFrom(
  url: string,
  partitions: readonly number[],
  logs: readonly (readonly string[])[],
): Promise<FetchFrame[] | undefined> {
  const answer = await sendSigned(url, {
    method: 'POST',
    path: `/v1/topics/${transactionsTopic}/fetch`,
    headers: { 'content-type': 'application/json', accept: BATCHES_MEDIA_TYPE },
    body: JSON.stringify({
      partitions: partitions.map((partition) => ({ partition, offset: logs[partition]!.length })),
    }),
  });
  if (answer === 'lost' || answer.status >= 300) return undefined;
  return decodeFetchFrames(answer.body).filter(({ errorCode }) => errorCode === 0);
}
