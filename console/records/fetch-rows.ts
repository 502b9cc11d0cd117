// Reads batches of several partitions through the SDK's connection, and opens them.
// Invariant: a row is returned once, and only if its offset lies in the range that was asked for.
import { errorOfKafkaCode, RivuletClientError } from '../../client/client-error.ts';
import { errorOfAnswer } from '../../client/transport/connection.ts';
import { paths } from '../../client/transport/paths.ts';
import { retrying } from '../../client/transport/retry.ts';
import { catalogue } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import { decodeRecords } from '../../lib/record/batch.ts';
import { splitBatches } from '../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames, type FetchFrame } from '../../lib/record/frames.ts';
import { clock, connection, requestTimeoutMs, retry } from '../data/service.ts';
import type { Range, Row } from './row.ts';

export type Asked = { readonly topic: string; readonly waitMs?: number; readonly signal: AbortSignal };

/** `next` is the offset that is still to be read: `to` when the range is done. */
export type Fetched = { readonly partition: number; readonly rows: Row[]; readonly next: number };

const isOutOfRange = ({ errorCode }: FetchFrame): boolean => errorCode === catalogue.OFFSET_OUT_OF_RANGE.kafkaErrorCode;

/** One request, for at most 256 ranges. An answer is bounded, so some ranges may be read in part or not at all. */
export async function fetchSome({ topic, waitMs = 0, signal }: Asked, ranges: readonly Range[]): Promise<Fetched[]> {
  const body = {
    partitions: ranges.map(({ partition, from }) => ({ partition, offset: from })),
    maxBytes: limits.fetchBytes,
    waitMs,
  };
  const call = { method: 'POST', path: paths.fetch(topic), body, accept: BATCHES_MEDIA_TYPE, writes: false } as const;
  const bytes = await retrying(
    clock,
    retry,
    async () => {
      const answer = await connection.exchange({ ...call, timeoutMs: requestTimeoutMs + waitMs, signal });
      if (answer.status >= 300) throw errorOfAnswer(answer, false);
      return answer.body;
    },
    signal,
  );
  const frames = new Map(decodeFetchFrames(bytes).map((frame) => [frame.partition, frame]));
  return ranges.map((range) => fetched(topic, range, frames.get(range.partition)));
}

function fetched(topic: string, range: Range, frame: FetchFrame | undefined): Fetched {
  const { partition, from } = range;
  if (!frame) return { partition, rows: [], next: from };
  // Retention has passed by since the range was looked up.
  if (isOutOfRange(frame) && frame.logStartOffset > from)
    return { partition, rows: [], next: Math.min(frame.logStartOffset, range.to) };
  if (frame.errorCode !== 0) throw errorOfKafkaCode(frame.errorCode, { topic, partition, offset: from });
  return { partition, ...opened(topic, range, frame) };
}

function opened(
  topic: string,
  { partition, from, to }: Range,
  { batches: bytes }: FetchFrame,
): Omit<Fetched, 'partition'> {
  const rows: Row[] = [];
  let next = from;
  for (const { header: batch, from: at } of splitBatches(bytes)) {
    if (batch.baseOffset >= to) return { rows, next: to };
    next = Math.max(next, Math.min(to, batch.baseOffset + batch.lastOffsetDelta + 1));
    if (batch.isControl || next <= from) continue;
    const make = (
      offset: number,
      timestamp: number,
      key: Row['key'],
      value: Row['value'],
      headers: Row['headers'],
    ) => ({
      ...{ partition, offset, timestamp, key, value, headers, batch },
    });
    try {
      for (const row of decodeRecords(bytes, at, from, make)) if (row.offset < to) rows.push(row);
    } catch (cause) {
      const detail = `the batch at offset ${batch.baseOffset} of partition ${partition} cannot be read: ${(cause as Error).message}`;
      throw new RivuletClientError('CORRUPT_MESSAGE', detail, { topic, partition, offset: batch.baseOffset, cause });
    }
  }
  return { rows, next };
}

/** Repeats until the ranges are read to their ends, and hands over the rows of each request. */
export async function fetchAll(
  asked: Asked,
  ranges: readonly Range[],
  onRows: (rows: Row[]) => Promise<void> | void,
): Promise<void> {
  let left = ranges.filter(({ from, to }) => from < to);
  while (left.length > 0) {
    asked.signal.throwIfAborted();
    const some = await fetchSome(asked, left.slice(0, limits.fetchPartitions));
    await onRows(some.flatMap(({ rows }) => rows));
    const next = new Map(some.map((one) => [one.partition, one.next]));
    const rest = left.map((range) => ({ ...range, from: next.get(range.partition) ?? range.from }));
    const stuck = some.every(({ partition, next: to }) => to === left.find((one) => one.partition === partition)!.from);
    // The log ends below the range: nothing was ever written there, as after a deletion of records.
    if (stuck) return;
    left = rest.filter(({ from, to }) => from < to);
  }
}
