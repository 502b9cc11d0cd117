// The live tail: the records that are written while the page is open, newest first.
// Invariant: it holds a bounded number of rows, and says how many it has let go.
import { useEffect, useState } from 'react';
import { limits } from '../../lib/api/limits.ts';
import { fetchSome } from './fetch-rows.ts';
import { openMatcher } from './matcher.ts';
import { rangesOf } from './ranges.ts';
import type { Range, Row } from './row.ts';
import { alone } from './row.ts';
import type { MessageSearch } from './search.ts';

const mostRows = 2_000;
const waitMs = 10_000;
/** A browser has six connections to a host, and the page needs some of them. */
const mostPolls = 3;

export type Tail = { readonly rows: readonly Row[]; readonly dropped: number; readonly error: unknown };

const nothing: Tail = { rows: [], dropped: 0, error: undefined };

export function useTail(topic: string, search: MessageSearch, paused: boolean): Tail {
  const [tail, setTail] = useState<Tail>(nothing);
  const key = JSON.stringify([topic, search]);
  const [starts, setStarts] = useState<{ key: string; ranges: readonly Range[] }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the search, whose object is new each time.
  useEffect(() => setTail(nothing), [key]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above. A pause keeps the offsets, which the next run begins at.
  useEffect(() => {
    if (paused) return undefined;
    const stop = new AbortController();
    const known = starts?.key === key ? starts.ranges : undefined;
    const add = (rows: readonly Row[]): void =>
      setTail((before) => {
        const all = [...rows.toReversed(), ...before.rows];
        return {
          ...before,
          rows: all.slice(0, mostRows),
          dropped: before.dropped + Math.max(0, all.length - mostRows),
        };
      });
    follow(topic, search, known, add, stop.signal).then(
      (ranges) => setStarts({ key, ranges }),
      (error: unknown) => !stop.signal.aborted && setTail((before) => ({ ...before, error })),
    );
    return () => stop.abort();
  }, [key, paused]);
  return tail;
}

/** Polls until the signal ends it. Resolves with the offsets that come next. */
async function follow(
  topic: string,
  search: MessageSearch,
  known: readonly Range[] | undefined,
  add: (rows: readonly Row[]) => void,
  signal: AbortSignal,
): Promise<readonly Range[]> {
  const { matcher, needle, end } = await openMatcher(search);
  try {
    const { partitions } = search;
    const ends = known ?? (await rangesOf(topic, partitions === undefined ? {} : { partitions })).map(fromItsEnd);
    if (ends.length > mostPolls * limits.fetchPartitions)
      throw new Error(
        `the live tail follows at most ${mostPolls * limits.fetchPartitions} partitions, and there are ${ends.length}: choose some of them`,
      );
    const groups = Array.from({ length: Math.ceil(ends.length / limits.fetchPartitions) }, (_, at) =>
      ends.slice(at * limits.fetchPartitions, (at + 1) * limits.fetchPartitions),
    );
    const followed = await Promise.all(groups.map((group) => followGroup(group)));
    return followed.flat();
  } finally {
    end();
  }

  async function followGroup(ranges: readonly Range[]): Promise<readonly Range[]> {
    let left = ranges;
    while (!signal.aborted) {
      const fetched = await fetchSome({ topic, needle, waitMs, signal }, left).catch((error: unknown) => {
        if (signal.aborted) return [];
        throw error;
      });
      const rows = fetched.flatMap((one) => one.rows);
      const kept = matcher && rows.length > 0 ? await matcher(rows, signal) : rows;
      if (signal.aborted) break;
      const next = new Map(fetched.map((one) => [one.partition, one.next]));
      left = left.map((range) => ({ ...range, from: next.get(range.partition) ?? range.from }));
      if (kept.length > 0) add(kept.map(alone).sort((a, b) => a.timestamp - b.timestamp || a.offset - b.offset));
    }
    return left;
  }
}

const fromItsEnd = ({ partition, to }: Range): Range => ({ partition, from: to, to: Number.MAX_SAFE_INTEGER });
