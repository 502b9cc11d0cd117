// The audit compares what the index names with what the store holds. It changes nothing. An object that is named and is
// not there is lost data. An object that is there and not named is an orphan: an append that died, or a deleted topic,
// has left it. Orphans are billed, but harmless.
//
// The audit reads the names first, and then lists the store. An object is put before it is named and is never renamed,
// so every name that was read must be in the list. In the other direction only old objects can be judged: a young one
// may yet be named.
//
// Memory is bounded. A pass holds the names of a range of prefixes (the two hex digits that names begin with), and
// takes the whole range if it can. Each further pass reads the index again. Time is bounded too, and a report that ran
// out of it says so.

import { segmentEpochAt } from '../partition/head.ts';
import type { Clock } from '../runtime/clock.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { parseSegmentKey } from '../storage/keys.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import { createTopics } from '../topic/topics.ts';
import { namedObjects } from './named.ts';

export type AuditReport = {
  readonly topics: number;
  readonly partitions: number;
  /** The number of objects in the store, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** The number of objects that the index names and the store lacks. The first of them are listed with their topics. */
  readonly missingObjects: number;
  readonly missing: readonly { readonly object: string; readonly topic: string }[];
  /**
   * The number and bytes of objects that have been in the store for more than two hours, and that no existing topic
   * names.
   */
  readonly orphans: number;
  readonly orphanBytes: number;
  /** The number of objects whose names were not made by Rivulet. */
  readonly foreign: number;
  /** Says why the counts are too low, if they are. */
  readonly incomplete?: string;
};

export type AuditOptions = {
  readonly objects: ObjectStore;
  readonly table: Table;
  readonly clock: Clock;
  /** The audit asks this now and then. If it returns true, the audit ends with what it has. */
  readonly isOver?: () => boolean;
  /** How many names a pass holds at a time. */
  readonly maxNames?: number;
};

/**
 * A name counts as old after this many hours: it is at least two hours old when the hour of its making ended two hours
 * ago.
 */
const ORPHAN_EPOCHS = 3;
const PREFIXES = 256;
const partitionsAtOnce = 16;
/** One pass holds so many names in memory, at some 120 bytes each. */
const namesAtOnce = 1_000_000;
/** The report lists so many missing objects; the count goes on. */
const mostMissingNamed = 100;

type Topic = { readonly topic: string; readonly topicId: string; readonly partitions: number };
type Counts = { -readonly [Name in keyof AuditReport]: AuditReport[Name] } & {
  missing: { object: string; topic: string }[];
};

class Unfinished extends Error {}

export async function audit(options: AuditOptions): Promise<AuditReport> {
  const topics = await topicsOf(options);
  const counts: Counts = {
    topics: topics.length,
    partitions: topics.reduce((sum, { partitions }) => sum + partitions, 0),
    objects: 0,
    bytes: 0,
    missingObjects: 0,
    missing: [],
    orphans: 0,
    orphanBytes: 0,
    foreign: 0,
  };
  try {
    await auditAll(options, topics, counts);
  } catch (error) {
    if (!(error instanceof Unfinished)) throw error;
    counts.incomplete = error.message;
  }
  return counts;
}

async function auditAll(options: AuditOptions, topics: readonly Topic[], counts: Counts): Promise<void> {
  let after: string | undefined;
  for (let from = 0; from < PREFIXES; ) {
    const pass = await namesFrom(options, topics, from);
    after = await listPass(options, pass, after, counts);
    addMissing(pass.names, topics, counts);
    from = pass.to;
  }
}

async function topicsOf({ table, clock }: AuditOptions): Promise<Topic[]> {
  const { list } = createTopics(table, clock);
  const topics: Topic[] = [];
  for (let more = true; more; ) {
    const last = topics.at(-1)?.topic;
    const page = await list({ limit: 1000, ...(last !== undefined && { after: last }) });
    topics.push(...page.topics);
    more = page.more;
  }
  return topics;
}

// --- names

/** The names whose prefix is in [from, to). */
type Pass = { readonly from: number; to: number; readonly names: Set<string> };

/** Reads the whole index, and narrows the range if its names are too many to hold. */
async function namesFrom(options: AuditOptions, topics: readonly Topic[], from: number): Promise<Pass> {
  const pass: Pass = { from, to: PREFIXES, names: new Set() };
  for (const { topicId, partitions } of topics) {
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    await inParallel(numbers, partitionsAtOnce, async (partition) => {
      checkTime(options, 'names', pass);
      for await (const name of namedObjects(options.table, { topicId, partition })) {
        checkTime(options, 'names', pass);
        if (isWithin(pass, name)) pass.names.add(name);
        if (pass.names.size > (options.maxNames ?? namesAtOnce)) narrow(pass);
      }
    });
  }
  return pass;
}

function isWithin({ from, to }: Pass, name: string): boolean {
  const prefix = Number.parseInt(name.slice(0, 2), 16);
  return prefix >= from && prefix < to;
}

function narrow(pass: Pass): void {
  if (pass.to - pass.from === 1)
    throw new Unfinished(`more than ${pass.names.size - 1} objects with the prefix ${hex(pass.from)} are named`);
  pass.to = pass.from + Math.floor((pass.to - pass.from) / 2);
  for (const name of pass.names) if (!isWithin(pass, name)) pass.names.delete(name);
}

const hex = (prefix: number): string => prefix.toString(16).padStart(2, '0');

function checkTime({ isOver }: AuditOptions, doing: string, { from, to }: Pass): void {
  if (isOver?.())
    throw new Unfinished(`no time was left to read the ${doing} of prefixes ${hex(from)} to ${hex(to - 1)}`);
}

// --- objects

/**
 * Counts the objects of the pass, and takes each object that is there out of its names. @returns the last key it has
 * seen.
 */
async function listPass(
  options: AuditOptions,
  pass: Pass,
  start: string | undefined,
  counts: Counts,
): Promise<string | undefined> {
  const oldEnough = segmentEpochAt(options.clock.now()) - ORPHAN_EPOCHS;
  const isPast = (key: string) => pass.to < PREFIXES && key >= hex(pass.to);
  for (let after = start; ; ) {
    checkTime(options, 'objects', pass);
    const page = await options.objects.list(after === undefined ? {} : { after });
    for (const info of page.objects) {
      if (isPast(info.key)) return after;
      countObject(info, pass.names, oldEnough, counts);
      after = info.key;
    }
    if (!page.more) return after;
  }
}

function countObject({ key, bytes }: ObjectInfo, names: Set<string>, oldEnough: number, counts: Counts): void {
  counts.objects += 1;
  counts.bytes += bytes;
  if (names.delete(key)) return;
  const segment = parseSegmentKey(key);
  if (!segment) counts.foreign += 1;
  else if (segment.epoch <= oldEnough) {
    counts.orphans += 1;
    counts.orphanBytes += bytes;
  }
}

/** Reports what is left of the names. */
function addMissing(names: ReadonlySet<string>, topics: readonly Topic[], counts: Counts): void {
  counts.missingObjects += names.size;
  for (const object of names) {
    if (counts.missing.length >= mostMissingNamed) return;
    const topicId = parseSegmentKey(object)?.topicId;
    counts.missing.push({ object, topic: topics.find((topic) => topic.topicId === topicId)?.topic ?? '' });
  }
}
