// The audit compares what the index names with what the store holds. It changes nothing. An object that is named and is
// not there is lost data. An object that is there and not named is an orphan: an append or a merge that died, an aborted
// transaction, retention, or a deleted topic has left it. Orphans are billed, but harmless. The sweep (sweep.ts) deletes them.
//
// The audit reads the names first, and then lists the store. An object is put before it is named and is never renamed,
// so every name that was read must be in the list, unless maintenance has replaced the object meanwhile: what is missing
// is looked up again. In the other direction only old objects can be judged: a young one may yet be named.
//
// Memory is bounded. A pass holds the names of a range of prefixes (the two hex digits that names begin with), and
// takes the whole range if it can. Each further pass reads the index again. Time is bounded too, and a report that ran
// out of it says so.

import { segmentEpochAt } from '../partition/head.ts';
import type { Clock } from '../runtime/clock.ts';
import { isTableName, parseSegmentKey, parseStagedSegmentKey, topicIdOfObject } from '../storage/keys.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import type { Table } from '../storage/table.ts';
import { hasEnded, openTransactions } from '../transaction/open-transactions.ts';
import { eachPartition, type LivingTopic, livingTopics } from './living-topics.ts';
import { namedObjects } from './named.ts';
import { Unfinished } from './unfinished.ts';

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
   * The number and bytes of objects that no existing topic names, and that have been in the store for more than three
   * hours, or belong to a transaction that has ended.
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

/** The sweep listens to what the audit finds. */
export type Listener = {
  readonly onObject: (topicId: string) => void;
  readonly onOrphan: (orphan: ObjectInfo) => void;
};

const PREFIXES = 256;
/** One pass holds so many names in memory, at some 120 bytes each. */
const namesAtOnce = 1_000_000;
/** So many unnamed staged objects are held at a time. Each look at their transactions reads the list of ids. */
const stagedAtOnce = 100_000;
/** The report lists so many missing objects; the count goes on. */
const mostMissingNamed = 100;
const oldEpochs = 3;

/** An unnamed object of an older epoch is an orphan. Its hour ended at least three hours ago. */
export const orphanEpochAt = (nowMs: number): number => segmentEpochAt(nowMs) - oldEpochs;

type Counts = { -readonly [Name in keyof AuditReport]: AuditReport[Name] } & {
  missing: { object: string; topic: string }[];
};

/** `epoch` is the epoch below which unnamed objects are orphans. */
export async function audit(
  options: AuditOptions,
  listener?: Listener,
  epoch = orphanEpochAt(options.clock.now()),
): Promise<AuditReport> {
  const topics = await livingTopics(options);
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
    await auditAll(options, topics, (info, pass) => count(info, pass, epoch, counts, listener), counts, listener);
  } catch (error) {
    if (!(error instanceof Unfinished)) throw error;
    counts.incomplete = error.message;
  }
  return counts;
}

type OnListed = (info: ObjectInfo, pass: Pass) => void;

async function auditAll(
  options: AuditOptions,
  topics: readonly LivingTopic[],
  onListed: OnListed,
  counts: Counts,
  listener: Listener | undefined,
): Promise<void> {
  let after: string | undefined;
  for (let from = 0; from < PREFIXES; ) {
    const pass = await namesFrom(options, topics, from);
    const judgeStaged = () => countStaged(options, pass, counts, listener);
    after = await listPass(options, pass, after, onListed, judgeStaged);
    await judgeStaged();
    await addMissing(options, pass, counts);
    from = pass.to;
  }
}

// --- names

/** The names whose prefix is in [from, to). */
type Pass = {
  readonly from: number;
  to: number;
  readonly names: Set<string>;
  /** Staged objects that no head names. Their transactions decide whether they may still be named. */
  readonly staged: ObjectInfo[];
};

/** Reads the whole index, and narrows the range if its names are too many to hold. */
async function namesFrom(options: AuditOptions, topics: readonly LivingTopic[], from: number): Promise<Pass> {
  const pass: Pass = { from, to: PREFIXES, names: new Set(), staged: [] };
  await eachName(options, topics, pass, (name) => {
    if (isWithin(pass, name)) pass.names.add(name);
    if (pass.names.size > (options.maxNames ?? namesAtOnce)) narrow(pass);
  });
  return pass;
}

async function eachName(
  options: AuditOptions,
  topics: readonly LivingTopic[],
  pass: Pass,
  onName: (name: string) => void,
): Promise<void> {
  for (const topic of topics)
    await eachPartition(topic, async (address) => {
      checkTime(options, 'names', pass);
      for await (const name of namedObjects(options, address)) {
        checkTime(options, 'names', pass);
        onName(name);
      }
    });
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

/** Lists the objects of the pass. @returns the last key it has seen. */
async function listPass(
  options: AuditOptions,
  pass: Pass,
  start: string | undefined,
  onListed: OnListed,
  judgeStaged: () => Promise<void>,
): Promise<string | undefined> {
  const isPast = (key: string) => pass.to < PREFIXES && key >= hex(pass.to);
  for (let after = start; ; ) {
    checkTime(options, 'objects', pass);
    const page = await options.objects.list(after === undefined ? {} : { after });
    for (const info of page.objects) {
      if (isPast(info.key)) return after;
      onListed(info, pass);
      after = info.key;
    }
    if (!page.more) return after;
    const isFull = pass.staged.length >= (options.maxNames ?? stagedAtOnce);
    if (isFull) await judgeStaged();
  }
}

/** Counts an object, and takes it out of the names. */
function count(info: ObjectInfo, pass: Pass, epoch: number, counts: Counts, listener?: Listener): void {
  const { key, bytes } = info;
  if (isTableName(key)) return;
  counts.objects += 1;
  counts.bytes += bytes;
  const segment = parseSegmentKey(key);
  const staged = parseStagedSegmentKey(key);
  const topicId = segment?.topicId ?? staged?.topicId;
  if (topicId !== undefined) listener?.onObject(topicId);
  const isNamed = pass.names.delete(key);
  if (isNamed) return;
  if (staged) pass.staged.push(info);
  else if (!segment) counts.foreign += 1;
  else if (segment.epoch < epoch) countOrphan(info, counts, listener);
}

function countOrphan(info: ObjectInfo, counts: Counts, listener: Listener | undefined): void {
  counts.orphans += 1;
  counts.orphanBytes += info.bytes;
  listener?.onOrphan(info);
}

/** Whether a staged object is an orphan is known from its transaction, which is read after the objects were listed. */
async function countStaged(
  { table }: AuditOptions,
  pass: Pass,
  counts: Counts,
  listener: Listener | undefined,
): Promise<void> {
  const staged = pass.staged.splice(0);
  if (staged.length === 0) return;
  const transactionOf = ({ key }: ObjectInfo) => parseStagedSegmentKey(key)!;
  const open = await openTransactions(table, new Set(staged.map((info) => transactionOf(info).xid)));
  for (const info of staged) if (hasEnded(transactionOf(info), open)) countOrphan(info, counts, listener);
}

/**
 * Reports what is left of the names, and is still named now. A merge, retention or a sweep may have replaced the others
 * since their names were read. The audit looks once more in the store for those that the report lists.
 */
async function addMissing(options: AuditOptions, pass: Pass, counts: Counts): Promise<void> {
  const { names: unseen } = pass;
  if (unseen.size === 0) return;
  const concerned = new Set(Array.from(unseen, topicIdOfObject));
  const topics = (await livingTopics(options)).filter(({ topicId }) => concerned.has(topicId));
  const missing = new Set<string>();
  await eachName(options, topics, pass, (name) => {
    if (unseen.has(name)) missing.add(name);
  });
  for (const object of missing) {
    const isListed = counts.missing.length < mostMissingNamed;
    if (isListed && (await isThere(options, object))) continue;
    counts.missingObjects += 1;
    const topic = topics.find(({ topicId }) => topicId === topicIdOfObject(object))!.topic;
    if (isListed) counts.missing.push({ object, topic });
  }
}

async function isThere({ objects }: AuditOptions, key: string): Promise<boolean> {
  const page = await objects.list({ prefix: key, limit: 1 });
  return page.objects[0]?.key === key;
}
