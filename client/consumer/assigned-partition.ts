// Where a consumer stands in one partition: what has been handled, what it has handed over, and how far it has read ahead.
//
// Invariants: what was fetched counts only while the partition's fetch generation is the one it was asked in. A seek, a pause or a new
// assignment begins a new fetch generation, so nothing that was under way can be handed over after it. And
// processed <= position <= fetchOffset: a commit speaks of what was handled. All three may go back, with a seek or when the
// log does not hold the offset; what was handled or committed before that move then says nothing of the new position.
import { invalid, RivuletClientError } from '../client-error.ts';
import type { CommittedOffsets } from '../group/group-api.ts';
import type { Connection } from '../transport/connection.ts';
import { rangesOf } from '../transport/partition-ranges.ts';
import { paths } from '../transport/paths.ts';
import { wholeOption } from '../whole-option.ts';

export type OffsetReset = 'earliest' | 'latest' | 'none';

/** Where to begin while no offset is known. `committed`: where the group stands. */
export type Start = 'committed' | 'earliest' | 'latest' | { readonly timestampMs: number };

export type AssignedPartition = {
  readonly topic: string;
  readonly partition: number;
  /** When it is known which topic of that name is meant. */
  readonly topicId: string | undefined;
  fetchGeneration: number;
  /** How often it was sent elsewhere: what was handed over before is then no longer what the position follows from. */
  moves: number;
  /** What lies below has been handled: the offset to commit. */
  processed: number | undefined;
  /** The last offset that is known to be committed. */
  committed: number | undefined;
  /** Of the next message to hand over; undefined until it has been looked up. */
  position: number | undefined;
  /** Of the next to ask for: at or beyond the position. Undefined: look it up by `start`. */
  fetchOffset: number | undefined;
  start: Start;
  paused: boolean;
  /** Nothing is read of it: it is being given up, or the application has not been told yet that it has it. */
  withheld: boolean;
  /** Answers that wait for the application with something of it. */
  answersHeld: number;
  /** In a row, in this partition alone. */
  failures: number;
  retryAtMs: number;
  /** Where the log began when it was first read, and whether it has been said that retention comes near. */
  firstLogStart: number | undefined;
  warned: boolean;
};

/** Of one partition. It is asked for more only below it: whoever works slowly on one must not fill the memory with it. */
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

/** Of a partition that the application assigns. Throws RivuletClientError INVALID_REQUEST. */
export function startOf(
  { topic, partition, offset }: { topic: string; partition: number; offset?: number },
  { autoOffsetReset, groupId }: { autoOffsetReset: OffsetReset; groupId: string | undefined },
): Start | number {
  if (offset !== undefined) return wholeOption('offset', offset, offsetBounds);
  if (groupId !== undefined) return 'committed';
  if (autoOffsetReset !== 'none') return autoOffsetReset;
  const detail = `offset: must be given for ${topic}-${partition}, because autoOffsetReset is none`;
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
 * Whether there is something to hand over before a partition is reset whose log does not hold the fetch offset. A log that
 * ends before that offset is not the one that was read.
 */
export function hasReadAhead({ position, fetchOffset = 0 }: AssignedPartition, highWatermark: number): boolean {
  return position !== fetchOffset && fetchOffset <= highWatermark;
}

/** The log does not hold the fetch offset. The failures in a row go on: the next offset may not be there either. */
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

/** Looks up where those partitions of one topic begin that do not know yet. Throws RivuletClientError. */
export async function lookUpStarts(
  starts: Starts,
  topic: string,
  assigned: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<void> {
  await beginAtCommitted(starts, topic, assigned, signal);
  const { connection } = starts;
  const unknown = assigned.filter((one) => one.fetchOffset === undefined);
  const groups = Map.groupBy(unknown, ({ start }) => (typeof start === 'string' ? start : start.timestampMs));
  for (const [at, group] of groups) {
    if (at === 'committed') continue;
    const terms = group.map((one) => one.fetchGeneration);
    // Where to begin when no record is that young. Asked for first: what arrives between the two must not be passed over.
    const ends = typeof at === 'number' ? await offsetsAt(connection, topic, 'latest', group, signal) : undefined;
    const offsets = await offsetsAt(connection, topic, at, group, signal);
    group.forEach((one, i) => {
      const found = offsets.get(one.partition);
      const offset = found === -1 ? ends?.get(one.partition) : found;
      if (offset === undefined) throw missing(one);
      if (one.fetchGeneration === terms[i]) begin(one, offset);
    });
  }
}

/** Where the group has committed nothing, autoOffsetReset says where to begin. */
async function beginAtCommitted(
  { committed, autoOffsetReset }: Starts,
  topic: string,
  assigned: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<void> {
  const unknown = assigned.filter((one) => one.fetchOffset === undefined && one.start === 'committed');
  if (unknown.length === 0 || !committed) return;
  const terms = unknown.map((one) => one.fetchGeneration);
  const offsets = await committed(topic, unknown, signal);
  unknown.forEach((one, i) => {
    if (one.fetchGeneration !== terms[i]) return;
    const offset = offsets.get(one.partition);
    if (offset !== undefined) {
      one.committed = offset;
      begin(one, offset);
    } else if (autoOffsetReset === 'none') throw nowhere(one);
    else one.start = autoOffsetReset;
  });
}

function nowhere({ topic, partition }: AssignedPartition): RivuletClientError {
  const detail = `the group has committed no offset of ${topic}-${partition}, and autoOffsetReset is none`;
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
