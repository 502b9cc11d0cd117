// Reads batches of several partitions through the SDK's connection, and opens them.
import { errorOfKafkaCode } from '../../client/client-error.ts';
import { errorOfAnswer } from '../../client/transport/connection.ts';
import { paths } from '../../client/transport/paths.ts';
import { retrying } from '../../client/transport/retry.ts';
import { catalogue } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames, type FetchFrame } from '../../lib/record/frames.ts';
import { clock, connection, requestTimeoutMs, retry } from '../data/service.ts';
import type { Needle } from './needle.ts';
import { type OpenedRows, openRows } from './open-rows.ts';
import type { Range } from './row.ts';

/** With a needle, rows that do not hold it are left out. */
export type Asked = {
  readonly topic: string;
  readonly needle?: Needle | undefined;
  readonly waitMs?: number;
  readonly signal: AbortSignal;
};

/** `next` is `to` when the range is done. */
export type Fetched = OpenedRows & { readonly partition: number };

const isOutOfRange = ({ errorCode }: FetchFrame): boolean => errorCode === catalogue.OFFSET_OUT_OF_RANGE.kafkaErrorCode;

/** One request, for at most 256 ranges. An answer is bounded, so some ranges may be read in part or not at all. */
export async function fetchSome(asked: Asked, ranges: readonly Range[]): Promise<Fetched[]> {
  const { topic, waitMs = 0, signal } = asked;
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
  return ranges.map((range) => fetched(asked, range, frames.get(range.partition)));
}

function fetched({ topic, needle }: Asked, range: Range, frame: FetchFrame | undefined): Fetched {
  const { partition, from } = range;
  const none = { partition, rows: [], batchTimes: [] };
  if (!frame) return { ...none, next: from };
  // Retention has passed by since the range was looked up.
  if (isOutOfRange(frame) && frame.logStartOffset > from)
    return { ...none, next: Math.min(frame.logStartOffset, range.to) };
  if (frame.errorCode !== 0) throw errorOfKafkaCode(frame.errorCode, { topic, partition, offset: from });
  return { partition, ...openRows(topic, range, frame.batches, needle) };
}

/** Repeats until the ranges are read to their ends, and hands over what each request brought. */
export async function fetchAll(
  asked: Asked,
  ranges: readonly Range[],
  onSome: (some: readonly Fetched[]) => Promise<void> | void,
): Promise<void> {
  let left = ranges.filter(({ from, to }) => from < to);
  while (left.length > 0) {
    asked.signal.throwIfAborted();
    const some = await fetchSome(asked, left.slice(0, limits.fetchPartitions));
    await onSome(some);
    const next = new Map(some.map((one) => [one.partition, one.next]));
    const rest = left.map((range) => ({ ...range, from: next.get(range.partition) ?? range.from }));
    const stuck = some.every(({ partition, next: to }) => to === left.find((one) => one.partition === partition)!.from);
    // The log ends below the range: nothing was ever written there, as after a deletion of records.
    if (stuck) return;
    left = rest.filter(({ from, to }) => from < to);
  }
}
