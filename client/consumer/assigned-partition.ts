// An assigned partition records where a consumer stands in it: what has been handled, what the consumer has handed over,
// and how far it has read ahead.
//
// Invariants: fetched records count only while the partition is in the fetch generation that requested them. A seek, a
// pause or a new assignment begins a new fetch generation, so nothing that was under way can be handed over after it.
// And processed <= position <= fetchOffset: a commit covers only what was handled. All three may go back, with a seek or
// when the log does not hold the offset. Work and commits from before such a move say nothing about the new position.

import { invalid, RivuletClientError } from '../client-error.ts';
import type { CommittedOffsets } from '../group/group-api.ts';
import { grouped } from '../grouped.ts';
import type { Connection } from '../transport/connection.ts';
import { rangesOf } from '../transport/partition-ranges.ts';
import { paths } from '../transport/paths.ts';
import { wholeOption } from '../whole-option.ts';

export type OffsetReset = 'earliest' | 'latest' | 'none';

/** Where to begin while no offset is known. `committed` means the offset that the group has committed. */
export type Start = 'committed' | 'earliest' | 'latest' | { readonly timestampMs: number };

export type AssignedPartition = {
  readonly topic: string;
  readonly partition: number;
  /** Known once it is clear which topic of that name is meant: a topic can be deleted and re-created. */
  readonly topicId: string | undefined;
  fetchGeneration: number;
  /** The number of seeks and resets. After one, the position no longer follows from what was handed over before. */
  moves: number;
  /** All records below it have been handled. It is the offset to commit. */
  processed: number | undefined;
  /** The last offset that is known to be committed. */
  committed: number | undefined;
  /** The offset of the next message to hand over. It is undefined until it has been looked up. */
  position: number | undefined;
  /** The next offset to fetch, at or beyond the position. Undefined means: look it up by `start`. */
  fetchOffset: number | undefined;
  start: Start;
  paused: boolean;
  /** Nothing is read from it: it is being given up, or the application does not know yet that it has the partition. */
  withheld: boolean;
  /** The number of waiting answers that hold records of this partition. */
  answersHeld: number;
  /** The number of failures in a row, in this partition alone. */
  failures: number;
  retryAtMs: number;
  /** Where the log began when it was first read. */
  firstLogStart: number | undefined;
  /** Whether the application has been warned that retention comes near. */
  warned: boolean;
};

/** The most answers held for one partition. At this bound no more is fetched, so a slow handler cannot fill the memory. */
export const heldAtMost = 2;

export function assignPartition(
  { topic, partition, topicId }: { topic: string; partition: number; topicId?: string },
  start: Start | number,
): AssignedPartition {
  const assigned: AssignedPartition = {
    topic,
    partition,
    topicId,
    fetchGeneration: 0,
    moves: 0,
    processed: undefined,
    committed: undefined,
    position: undefined,
    fetchOffset: undefined,
    start: 'earliest',
    paused: false,
    withheld: false,
    answersHeld: 0,
    failures: 0,
    retryAtMs: 0,
    firstLogStart: undefined,
    warned: false,
  };
  moveTo(assigned, start);
  return assigned;
}

export const offsetBounds = { fallback: 0, min: 0 };

type AskedFor = { readonly topic: string; readonly partition: number; readonly offset?: number };
type StartSettings = { readonly autoOffsetReset: OffsetReset; readonly groupId: string | undefined };

/** A partition that is assigned already stays as it is, unless an offset is given. */
export function assignAgain(
  asked: AskedFor,
  known: AssignedPartition | undefined,
  settings: StartSettings,
): AssignedPartition {
  if (known && asked.offset === undefined) return known;
  return assignPartition(asked, startOf(asked, settings));
}

/** Finds the start of a partition that the application assigns. Throws RivuletClientError INVALID_REQUEST. */
function startOf({ topic, partition, offset }: AskedFor, { autoOffsetReset, groupId }: StartSettings): Start | number {
  if (offset !== undefined) return wholeOption('offset', offset, offsetBounds);
  if (groupId !== undefined) return 'committed';
  if (autoOffsetReset !== 'none') return autoOffsetReset;
  const detail = `offset: expected one for ${topic}-${partition}, because autoOffsetReset is none, got nothing`;
  throw invalid(detail, { topic, partition });
}

export function moveTo(assigned: AssignedPartition, to: Start | number): void {
  assigned.moves++;
  assigned.position = typeof to === 'number' ? to : undefined;
  assigned.processed = assigned.position;
  if (typeof to !== 'number') assigned.start = to;
  dropReadAhead(assigned);
}

/**
 * The log of the partition does not hold its fetch offset. This function says whether records that were read ahead must be
 * handed over before the partition is reset. A log that ends before the fetch offset is not the one that was read.
 */
export function hasReadAhead({ position, fetchOffset = 0 }: AssignedPartition, highWatermark: number): boolean {
  return position !== fetchOffset && fetchOffset <= highWatermark;
}

/**
 * Moves the partition, because the log does not hold the fetch offset. The count of failures in a row goes on: the log may
 * not hold the next offset either.
 */
export function resetTo(assigned: AssignedPartition, to: 'earliest' | 'latest'): void {
  const { failures } = assigned;
  moveTo(assigned, to);
  assigned.failures = failures;
}

/** Begins a new fetch generation at the position. */
export function dropReadAhead(assigned: AssignedPartition): void {
  assigned.fetchGeneration++;
  assigned.fetchOffset = assigned.position;
  assigned.failures = 0;
  assigned.retryAtMs = 0;
}

type OffsetList = { readonly partitions: readonly { readonly partition: number; readonly offset: number }[] };

export type Starts = {
  readonly connection: Connection;
  readonly autoOffsetReset: OffsetReset;
  /** Undefined without a group. */
  readonly committed: CommittedOffsets | undefined;
};

/** Looks up the start of those partitions of one topic that have no offset yet. Throws RivuletClientError. */
export async function lookUpStarts(
  starts: Starts,
  topic: string,
  assigned: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<void> {
  await beginAtCommitted(starts, topic, assigned, signal);
  const { connection } = starts;
  const unknown = assigned.filter((one) => one.fetchOffset === undefined);
  const groups = grouped(unknown, ({ start }) => (typeof start === 'string' ? start : start.timestampMs));
  for (const [at, group] of groups) {
    if (at === 'committed') continue;
    const generations = group.map((one) => one.fetchGeneration);
    // The end is the start when no record is that young. It is asked for first, because a record that arrives between the
    // two requests must not be skipped.
    const ends = typeof at === 'number' ? await offsetsAt(connection, topic, 'latest', group, signal) : undefined;
    const offsets = await offsetsAt(connection, topic, at, group, signal);
    group.forEach((one, i) => {
      const found = offsets.get(one.partition);
      const offset = found === -1 ? ends?.get(one.partition) : found;
      if (offset === undefined) throw missing(one);
      if (one.fetchGeneration === generations[i]) begin(one, offset);
    });
  }
}

/** Begins at the committed offsets. Where the group has committed nothing, autoOffsetReset says where to begin. */
async function beginAtCommitted(
  { committed, autoOffsetReset }: Starts,
  topic: string,
  assigned: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<void> {
  const unknown = assigned.filter((one) => one.fetchOffset === undefined && one.start === 'committed');
  if (unknown.length === 0 || !committed) return;
  const generations = unknown.map((one) => one.fetchGeneration);
  const offsets = await committed(topic, unknown, signal);
  unknown.forEach((one, i) => {
    if (one.fetchGeneration !== generations[i]) return;
    const offset = offsets.get(one.partition);
    if (offset !== undefined) {
      one.committed = offset;
      begin(one, offset);
    } else if (autoOffsetReset === 'none') throw nowhere(one);
    else one.start = autoOffsetReset;
  });
}

function nowhere({ topic, partition }: AssignedPartition): RivuletClientError {
  const detail =
    `the group has committed no offset of ${topic}-${partition}, and autoOffsetReset is none: ` +
    'commit an offset, or set autoOffsetReset to earliest or latest';
  return new RivuletClientError('NO_OFFSET_FOR_PARTITION', detail, { topic, partition });
}

function missing({ topic, partition }: AssignedPartition): RivuletClientError {
  const detail = `the offsets of ${topic} do not have partition ${partition}`;
  return new RivuletClientError('UNKNOWN_TOPIC_OR_PARTITION', detail, { topic, partition });
}

function begin(assigned: AssignedPartition, offset: number): void {
  assigned.fetchOffset = offset;
  assigned.position = offset;
  assigned.processed = offset;
}

async function offsetsAt(
  connection: Connection,
  topic: string,
  at: 'earliest' | 'latest' | number,
  group: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const offsets = new Map<number, number>();
  for (const partitions of rangesOf(group.map(({ partition }) => partition))) {
    const query = { at, partitions };
    const call = { method: 'GET', path: paths.offsets(topic), query, writes: false, signal } as const;
    for (const { partition, offset } of (await connection.ask<OffsetList>(call)).partitions)
      offsets.set(partition, offset);
  }
  return offsets;
}
