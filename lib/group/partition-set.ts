// Sets of partitions, and the form in which they are stored. A set is a list of TopicPartitions with one entry for each
// topic id. Its partitions are ascending, and no entry is empty. The stored form has, for each topic, 16 bytes of id,
// the name, and runs of partitions, so that a thousand partitions in a row take four bytes:
//
//   topic id 16 | length of the name varint | name UTF-8 | runs varint | per run: gap since the last run, length - 1
import type { OwnedPartitions, TopicPartitions } from '../api/groups.ts';
import { readVarint, varintLength, writeVarint } from '../bytes/unsigned-varint.ts';

export type Partitions = readonly TopicPartitions[];

export const none: Partitions = [];

export const isEmpty = (set: Partitions): boolean => set.length === 0;
export const countOf = (set: Partitions): number => set.reduce((sum, { partitions }) => sum + partitions.length, 0);

/** Brings any list into the form of a set. */
export function setOf(list: readonly TopicPartitions[]): Partitions {
  const byId = new Map<string, { topic: string; partitions: Set<number> }>();
  for (const { topic, topicId, partitions } of list) {
    const known = byId.get(topicId);
    if (!known) byId.set(topicId, { topic, partitions: new Set(partitions) });
    else for (const partition of partitions) known.partitions.add(partition);
  }
  return [...byId]
    .filter(([, { partitions }]) => partitions.size > 0)
    .map(([topicId, { topic, partitions }]) => ({ topic, topicId, partitions: [...partitions].sort((a, b) => a - b) }))
    .sort((a, b) => (a.topicId < b.topicId ? -1 : 1));
}

export const union = (a: Partitions, b: Partitions): Partitions => setOf([...a, ...b]);

export const minus = (a: Partitions, b: Partitions): Partitions => sift(a, b, false);
export const intersection = (a: Partitions, b: Partitions): Partitions => sift(a, b, true);

function sift(a: Partitions, b: Partitions, inBoth: boolean): Partitions {
  const others = new Map(b.map(({ topicId, partitions }) => [topicId, new Set(partitions)]));
  return a
    .map((entry) => ({
      ...entry,
      partitions: entry.partitions.filter((p) => (others.get(entry.topicId)?.has(p) ?? false) === inBoth),
    }))
    .filter(({ partitions }) => partitions.length > 0);
}

export const covers = (all: Partitions, part: Partitions): boolean => isEmpty(minus(part, all));
export const equal = (a: Partitions, b: Partitions): boolean => countOf(a) === countOf(b) && covers(a, b);

/** Kept with the set, for it is asked of each of fifty thousand partitions whether they are in it. */
const members = new WeakMap<Partitions, ReadonlyMap<string, ReadonlySet<number>>>();

export function has(set: Partitions, topicId: string, partition: number): boolean {
  let byId = members.get(set);
  if (!byId) {
    byId = new Map(set.map((entry) => [entry.topicId, new Set(entry.partitions)]));
    members.set(set, byId);
  }
  return byId.get(topicId)?.has(partition) ?? false;
}

/** Finds the partitions that a member reports among those that it is known to have. Undefined if it names any other. */
export function recognised(claims: readonly OwnedPartitions[], known: Partitions): Partitions | undefined {
  const found: TopicPartitions[] = [];
  const byId = Map.groupBy(known, ({ topicId }) => topicId);
  const byName = Map.groupBy(known, ({ topic }) => topic);
  for (const { topic, topicId, partitions } of claims) {
    const named = (topicId === undefined ? byName.get(topic) : byId.get(topicId)) ?? [];
    const meant = named.flatMap((entry) => intersection([entry], [{ ...entry, partitions }]));
    const foundHere = new Set(meant.flatMap((entry) => entry.partitions));
    if (partitions.some((partition) => !foundHere.has(partition))) return undefined;
    found.push(...meant);
  }
  return setOf(found);
}

const idBytes = 16;

export function encodePartitions(set: Partitions): Uint8Array {
  const parts = set.map(({ topic, topicId, partitions }) => {
    const runs = runsOf(partitions);
    const name = Buffer.from(topic);
    const numbers = [runs.length, ...runs.flatMap(({ gap, length }) => [gap, length - 1])];
    return Buffer.concat([Buffer.from(topicId, 'base64url'), varints([name.length]), name, varints(numbers)]);
  });
  return new Uint8Array(Buffer.concat(parts));
}

export function decodePartitions(bytes: Uint8Array): Partitions {
  const set: TopicPartitions[] = [];
  for (let at = 0; at < bytes.length; ) {
    const topicId = Buffer.from(bytes.subarray(at, at + idBytes)).toString('base64url');
    const name = readVarint(bytes, at + idBytes);
    const topic = Buffer.from(bytes.subarray(name.end, name.end + name.value)).toString();
    const { partitions, end } = readRuns(bytes, name.end + name.value);
    set.push({ topic, topicId, partitions });
    at = end;
  }
  return set;
}

export function varints(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.reduce((sum, number) => sum + varintLength(number), 0));
  let at = 0;
  for (const number of numbers) at = writeVarint(bytes, at, number);
  return bytes;
}

type Run = { readonly gap: number; length: number };

function runsOf(partitions: readonly number[]): Run[] {
  const runs: Run[] = [];
  let next = 0;
  for (const partition of partitions) {
    const last = runs.at(-1);
    if (last && partition === next) last.length++;
    else runs.push({ gap: partition - next, length: 1 });
    next = partition + 1;
  }
  return runs;
}

function readRuns(bytes: Uint8Array, from: number): { partitions: number[]; end: number } {
  const partitions: number[] = [];
  const count = readVarint(bytes, from);
  let { end } = count;
  let next = 0;
  for (let run = 0; run < count.value; run++) {
    const gap = readVarint(bytes, end);
    const length = readVarint(bytes, gap.end);
    next += gap.value;
    for (let i = 0; i <= length.value; i++) partitions.push(next++);
    end = length.end;
  }
  return { partitions, end };
}
