// Group commit: appends of a topic that come while earlier uploads of that topic are under way share one segment, and so one
// PUT. It is for processes that serve many requests at a time. A Lambda function has one.
//
// Invariant: a caller gets the places of its own runs, in their order, or the error of the PUT that carried them. Callers
// are answered in the order in which they came, so their runs are sequenced in that order.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntryPlace } from '../partition/entry.ts';
import type { Clock } from '../runtime/clock.ts';
import type { AdmittedRun } from './admit.ts';

export type GroupCommitOptions = {
  /** Appends wait at most this long for an upload to end. Default: 0, which sets no timer: they wait until one ends. */
  readonly lingerMs?: number;
  /** While fewer uploads of the topic are under way, nothing waits. The store knows what suits it. Default: 4. */
  readonly uploadsAtOnce?: number;
};

/** Puts one segment, whose name has at least this epoch. The places are in the order of the runs. */
export type PutSegment = (runs: readonly AdmittedRun[], minEpoch: number) => Promise<EntryPlace[]>;

export type GroupCommit = {
  /** Puts runs of one topic, together with those of other callers if some come while these wait. */
  put(topicId: string, runs: readonly AdmittedRun[], minEpoch: number, putSegment: PutSegment): Promise<EntryPlace[]>;
};

/** A waiting run is no copy: its bytes are the body of a request, which is in memory until the request is answered. */
type Caller = {
  readonly runs: readonly AdmittedRun[];
  readonly minEpoch: number;
  readonly resolve: (places: EntryPlace[]) => void;
  readonly reject: (error: unknown) => void;
};

type Group = { readonly callers: Caller[]; readonly putSegment: PutSegment; bytes: number };

/** The uploads of one topic: those under way, and the group that waits. */
type Lane = { group?: Group | undefined; underWay: number };

/** A group of so many bytes leaves immediately. More would not make its PUT cheaper for each byte. */
const fullBytes = 4 * 1024 * 1024;

export function createGroupCommit(
  clock: Pick<Clock, 'sleep'>,
  { lingerMs = 0, uploadsAtOnce = 4 }: GroupCommitOptions,
): GroupCommit {
  const lanes = new Map<string, Lane>();

  function laneOf(topicId: string): Lane {
    const lane = lanes.get(topicId) ?? { underWay: 0 };
    lanes.set(topicId, lane);
    return lane;
  }

  /**
   * Requests that come in one turn of the event loop share the group, because it leaves in a microtask at the earliest. The
   * PUT is on the receipt of the caller that opens the group: it may begin when another caller's upload ends.
   */
  function openGroup(topicId: string, lane: Lane, putSegment: PutSegment): Group {
    const group: Group = { callers: [], putSegment: AsyncLocalStorage.bind(putSegment), bytes: 0 };
    queueMicrotask(() => {
      if (lane.group !== group) return;
      if (lane.underWay < uploadsAtOnce) flush(topicId, lane, group);
      else if (lingerMs > 0) void clock.sleep(lingerMs).then(() => lane.group === group && flush(topicId, lane, group));
    });
    return group;
  }

  function flush(topicId: string, lane: Lane, group: Group): void {
    lane.group = undefined;
    lane.underWay++;
    void putTogether(group).then(() => {
      lane.underWay--;
      if (lane.group && lane.underWay < uploadsAtOnce) flush(topicId, lane, lane.group);
      const isIdle = lane.underWay === 0 && !lane.group;
      if (isIdle) lanes.delete(topicId);
    });
  }

  return {
    put: (topicId, runs, minEpoch, putSegment) =>
      new Promise((resolve, reject) => {
        const lane = laneOf(topicId);
        lane.group ??= openGroup(topicId, lane, putSegment);
        const { group } = lane;
        group.callers.push({ runs, minEpoch, resolve, reject });
        for (const { bytes } of runs) group.bytes += bytes.length;
        if (group.bytes >= fullBytes) flush(topicId, lane, group);
      }),
  };
}

/** Puts the runs of a partition side by side, so that a consumer of it reads them with one request. Never rejects. */
async function putTogether({ callers, putSegment }: Group): Promise<void> {
  try {
    const runs = callers.flatMap((caller) => caller.runs).sort((a, b) => a.partition - b.partition);
    const minEpoch = Math.max(...callers.map((caller) => caller.minEpoch));
    const places = await putSegment(runs, minEpoch);
    const placeOf = new Map(runs.map((run, i) => [run, places[i]!]));
    for (const { runs: own, resolve } of callers) resolve(own.map((run) => placeOf.get(run)!));
  } catch (error) {
    for (const { reject } of callers) reject(error);
  }
}
