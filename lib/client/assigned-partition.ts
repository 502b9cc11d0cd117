// Where a consumer stands in one partition: what it has handed over, and how far it has read ahead.
//
// Invariant: what was fetched counts only while the partition's term is the one it was asked in. A seek, a pause or a new
// assignment begins a new term, so nothing that was under way can be handed over after it.
import { RivuletClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import { paths } from './paths.ts';

export type OffsetReset = 'earliest' | 'latest' | 'none';

/** Where to begin while no offset is known. */
export type Start = 'earliest' | 'latest' | { readonly timestampMs: number };

export type AssignedPartition = {
  readonly topic: string;
  readonly partition: number;
  term: number;
  /** Of the next message to hand over; undefined until it has been looked up. */
  position: number | undefined;
  /** Of the next to ask for: at or beyond the position. Undefined: look it up by `start`. */
  fetchOffset: number | undefined;
  start: Start;
  paused: boolean;
  /** In a row, in this partition alone. */
  failures: number;
  retryAtMs: number;
};

export function assignPartition(topic: string, partition: number, start: Start | number): AssignedPartition {
  const assigned: AssignedPartition = {
    topic,
    partition,
    term: 0,
    position: undefined,
    fetchOffset: undefined,
    start: 'earliest',
    paused: false,
    failures: 0,
    retryAtMs: 0,
  };
  moveTo(assigned, start);
  return assigned;
}

export function moveTo(assigned: AssignedPartition, to: Start | number): void {
  assigned.position = typeof to === 'number' ? to : undefined;
  if (typeof to !== 'number') assigned.start = to;
  dropReadAhead(assigned);
}

/** Begins a new term at the position. */
export function dropReadAhead(assigned: AssignedPartition): void {
  assigned.term++;
  assigned.fetchOffset = assigned.position;
  assigned.failures = 0;
  assigned.retryAtMs = 0;
}

type OffsetList = { readonly partitions: readonly { readonly partition: number; readonly offset: number }[] };

/** Looks up where those partitions of one topic begin that do not know yet. Throws RivuletClientError. */
export async function lookUpStarts(
  connection: Connection,
  topic: string,
  assigned: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<void> {
  const unknown = assigned.filter((one) => one.fetchOffset === undefined);
  const groups = Map.groupBy(unknown, ({ start }) => (typeof start === 'string' ? start : start.timestampMs));
  for (const [at, group] of groups) {
    const terms = group.map((one) => one.term);
    // Where to begin when no record is that young. Asked for first: what arrives between the two must not be passed over.
    const ends = typeof at === 'number' ? await offsetsAt(connection, topic, 'latest', group, signal) : undefined;
    const offsets = await offsetsAt(connection, topic, at, group, signal);
    group.forEach((one, i) => {
      const found = offsets.get(one.partition);
      const offset = found === -1 ? ends?.get(one.partition) : found;
      if (offset === undefined) throw missing(one);
      if (one.term === terms[i]) begin(one, offset);
    });
  }
}

function missing({ topic, partition }: AssignedPartition): RivuletClientError {
  const detail = `the offsets of ${topic} do not have partition ${partition}`;
  return new RivuletClientError('UNKNOWN_TOPIC_OR_PARTITION', detail, { topic, partition });
}

function begin(assigned: AssignedPartition, offset: number): void {
  assigned.fetchOffset = offset;
  // After a reset, what was read ahead before it is handed over first.
  assigned.position ??= offset;
}

async function offsetsAt(
  connection: Connection,
  topic: string,
  at: 'earliest' | 'latest' | number,
  group: readonly AssignedPartition[],
  signal: AbortSignal,
): Promise<Map<number, number>> {
  const numbers = group.map(({ partition }) => partition);
  const partitions = `${Math.min(...numbers)}-${Math.max(...numbers)}`;
  const call = { method: 'GET', path: paths.offsets(topic), query: { at, partitions }, writes: false, signal } as const;
  const list = await connection.ask<OffsetList>(call);
  return new Map(list.partitions.map(({ partition, offset }) => [partition, offset]));
}
