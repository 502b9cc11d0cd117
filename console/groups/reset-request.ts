// A reset of offsets as a person fills it in, the request that it makes, and the command line that does the same.
// Invariant: a field that cannot be read is refused with its name, before anything is asked of the service.

import { durationIn, timeIn } from '../../cli/iso-times.ts';
import type {
  GroupDescription,
  OffsetReset,
  ResetOffsets,
  ResetTarget,
  TopicSelection,
} from '../../client/admin/group-admin.ts';
import { rivulet } from '../data/command-lines.ts';
import { partitionList } from '../records/search.ts';

export const targets = ['earliest', 'latest', 'offset', 'datetime', 'duration', 'shift', 'current'] as const;

export type ResetForm = {
  /** Empty: every topic that the group has offsets of. */
  readonly topic: string;
  /** `0,2-4`. Empty: all of the topic. */
  readonly partitions: string;
  readonly to: (typeof targets)[number];
  /** The offset, time, duration or number of records. The other targets need none. */
  readonly value: string;
};

/** The note below the field, or undefined if the target needs no value. */
export const askedBy: Readonly<Record<ResetForm['to'], string | undefined>> = {
  earliest: undefined,
  latest: undefined,
  offset: 'An offset, like 1200.',
  datetime: 'The time of the first record, like 2026-11-22T09:00:00Z. It is UTC if it names no zone.',
  duration: 'The greatest age of the first record, like PT1H30M or P2D.',
  shift: 'A number of records: 10 goes forward, -10 back.',
  current: undefined,
};

/** Throws a sentence that names the field. */
export function topicsOf(form: ResetForm, group: GroupDescription, nowMs: number): ResetOffsets['topics'] {
  const target = targetOf(form, nowMs);
  const topics = form.topic === '' ? committedTopics(group) : [selectionOf(form)];
  if (topics.length === 0) throw new Error('topic: the group has no offsets yet, so name a topic');
  return topics.map((topic) => ({ ...topic, target }));
}

function committedTopics({ partitionDetails }: GroupDescription): TopicSelection[] {
  const committed = partitionDetails.filter(({ currentOffset }) => currentOffset >= 0);
  return [...Map.groupBy(committed, ({ topic }) => topic)].map(([topic, rows]) => ({
    topic,
    partitions: rows.map(({ partition }) => partition),
  }));
}

function selectionOf({ topic, partitions }: ResetForm): TopicSelection {
  if (partitions.trim() === '') return { topic };
  const numbers = partitionList(partitions);
  if (!numbers || numbers.size === 0) throw new Error(`partitions: expected numbers like 0,2-4, got ${partitions}`);
  return { topic, partitions: [...numbers] };
}

function targetOf({ to, value }: ResetForm, nowMs: number): ResetTarget {
  if (to === 'offset') return { to, offset: whole(value, 'offset', 0) };
  if (to === 'shift') return { to, by: whole(value, 'records', Number.MIN_SAFE_INTEGER) };
  if (to === 'datetime') return { to, timestamp: read(timeIn, value, 'time', 'a time like 2026-11-22T09:00:00Z') };
  if (to === 'duration')
    return {
      to: 'datetime',
      timestamp: Math.max(0, nowMs - read(durationIn, value, 'age', 'a duration like PT1H30M')),
    };
  return { to };
}

function whole(text: string, field: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${field}: expected a whole number${least === 0 ? ' from 0' : ''}, got ${text || 'nothing'}`);
}

function read(parse: (text: string) => number | undefined, text: string, field: string, expected: string): number {
  const ms = parse(text.trim());
  if (ms === undefined) throw new Error(`${field}: expected ${expected}, got ${text || 'nothing'}`);
  return ms;
}

export function commandOf(groupId: string, form: ResetForm): string {
  const { topic, partitions, to, value } = form;
  const what =
    topic === '' ? ['--all-topics'] : ['--topic', partitions.trim() === '' ? topic : `${topic}:${partitions}`];
  return rivulet('groups', 'reset-offsets', groupId, ...what, ...flagsOf[to](value.trim()), '--execute');
}

const flagsOf: Readonly<Record<ResetForm['to'], (value: string) => readonly string[]>> = {
  earliest: () => ['--to-earliest'],
  latest: () => ['--to-latest'],
  current: () => ['--to-current'],
  offset: (value) => ['--to-offset', value],
  datetime: (value) => ['--to-datetime', value],
  duration: (value) => ['--by-duration', value],
  // A minus would be taken for an option.
  shift: (value) => [`--shift-by=${value}`],
};

export type Change = { readonly skipped: number; readonly repeated: number };

/** A partition without a committed offset neither skips nor repeats: its group never was there. */
export function changeOf(rows: readonly OffsetReset[]): Change {
  const moved = rows.filter(({ previousOffset }) => previousOffset >= 0);
  const sum = (of: (row: OffsetReset) => number) => moved.reduce((total, row) => total + Math.max(0, of(row)), 0);
  return {
    skipped: sum(({ previousOffset, offset }) => offset - previousOffset),
    repeated: sum(({ previousOffset, offset }) => previousOffset - offset),
  };
}
