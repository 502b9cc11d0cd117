// The audit compares what the index names with what the store holds. It changes nothing. An object that is named and is
// not there is lost data. An object that is there and not named is an orphan: an append or a merge that died, an aborted
// transaction, retention, or a deleted topic has left it. Orphans are billed, but harmless. The sweep (sweep.ts) deletes them.
//
// The audit reads the names first, and then lists the store. An object is put before it is named and is never renamed,
// so every name that was read must be in the list, unless maintenance has replaced the object meanwhile: what is missing
// is looked up again. Inline items are no objects: those that are named are looked up by their keys, and the old ones are
// listed by queries.
// In the other direction only old objects can be judged: a young one may yet be named.
//
// Memory is bounded. A pass holds the names of a range of prefixes (the two hex digits that names begin with), and
// takes the whole range if it can. Each further pass reads the index again. Time is bounded too, and a report that ran
// out of it says so.

import { segmentEpochAt } from '../partition/head.ts';
import { oldInlineItems, readInlineItems } from '../partition/inline-item.ts';
import type { Clock } from '../runtime/clock.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { itemSize } from '../storage/item-size.ts';
import {
  inlineName,
  isInlineName,
  isTableName,
  parseInlineName,
  parseSegmentKey,
  parseStagedSegmentKey,
  topicIdOfName,
  twoHexOfName,
} from '../storage/keys.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import type { Item, Table } from '../storage/table.ts';
import { hasEnded, openTransactions } from '../transaction/open-transactions.ts';
import { eachPartition, type LivingTopic, livingTopics } from './living-topics.ts';
import { namesOf } from './named.ts';
import { Unfinished } from './unfinished.ts';

export type AuditReport = {
  readonly topics: number;
  readonly partitions: number;
  /** The number of objects in the store, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /**
   * The number of objects and inline items that the index names and that are not there. The first of them are listed with
   * their topics.
   */
  readonly missingObjects: number;
  readonly missing: readonly { readonly object: string; readonly topic: string }[];
  /**
   * The number and bytes of objects and inline items that no existing topic names, and that are more than three hours
   * old, or belong to a transaction that has ended.
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
  readonly onOrphan: (orphan: Orphan) => void;
};

/** `key` is the key of an object, or the name of an inline item. */
export type Orphan = Pick<ObjectInfo, 'key' | 'bytes'>;

const PREFIXES = 256;
/** One pass holds so many names in memory, at some 120 bytes each. */
const namesAtOnce = 1_000_000;
/** So many unnamed staged objects are held at a time. Each look at their transactions reads the list of ids. */
const stagedAtOnce = 100_000;
/** The report lists so many missing objects; the count goes on. */
const mostMissingNamed = 100;
const oldEpochs = 3;
const prefixesAtOnce = 8;
const lookedUpAtOnce = 10_000;

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
    await auditAll(options, topics, { epoch, counts, listener });
  } catch (error) {
    if (!(error instanceof Unfinished)) throw error;
    counts.incomplete = error.message;
  }
  return counts;
}

/** Counts what the audit finds. Unnamed objects and items of an older epoch than this are orphans. */
type Findings = { readonly epoch: number; readonly counts: Counts; readonly listener: Listener | undefined };

async function auditAll(options: AuditOptions, topics: readonly LivingTopic[], findings: Findings): Promise<void> {
  let after: string | undefined;
  for (let from = 0; from < PREFIXES; ) {
    const pass = await namesFrom(options, topics, from);
    const judgeStaged = () => countStaged(options, pass, findings);
    after = await listPass(options, pass, after, findings, judgeStaged);
    await judgeStaged();
    await listInline(options, pass, findings);
    await lookUpInline(options, pass);
    await addMissing(options, pass, findings.counts);
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
      for await (const name of namesOf(options, address)) {
        checkTime(options, 'names', pass);
        onName(name);
      }
    });
}

function isWithin({ from, to }: Pass, name: string): boolean {
  const prefix = Number.parseInt(twoHexOfName(name), 16);
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
  findings: Findings,
  judgeStaged: () => Promise<void>,
): Promise<string | undefined> {
  const isPast = (key: string) => pass.to < PREFIXES && key >= hex(pass.to);
  for (let after = start; ; ) {
    checkTime(options, 'objects', pass);
    const page = await options.objects.list(after === undefined ? {} : { after });
    for (const info of page.objects) {
      if (isPast(info.key)) return after;
      count(info, pass, findings);
      after = info.key;
    }
    if (!page.more) return after;
    const isFull = pass.staged.length >= (options.maxNames ?? stagedAtOnce);
    if (isFull) await judgeStaged();
  }
}

/** Counts an object, and takes it out of the names. */
function count(info: ObjectInfo, pass: Pass, findings: Findings): void {
  const { key, bytes } = info;
  const { epoch, counts, listener } = findings;
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
  else if (segment.epoch < epoch) countOrphan(info, findings);
}

function countOrphan(info: Orphan, { counts, listener }: Findings): void {
  counts.orphans += 1;
  counts.orphanBytes += info.bytes;
  listener?.onOrphan(info);
}

/** Whether a staged object is an orphan is known from its transaction, which is read after the objects were listed. */
async function countStaged({ table }: AuditOptions, pass: Pass, findings: Findings): Promise<void> {
  const staged = pass.staged.splice(0);
  if (staged.length === 0) return;
  const transactionOf = ({ key }: ObjectInfo) => parseStagedSegmentKey(key)!;
  const open = await openTransactions(table, new Set(staged.map((info) => transactionOf(info).xid)));
  for (const info of staged) if (hasEnded(transactionOf(info), open)) countOrphan(info, findings);
}

/** Lists the old items of the pass. A young one may yet be named. */
async function listInline(options: AuditOptions, pass: Pass, findings: Findings): Promise<void> {
  const prefixes = Array.from({ length: pass.to - pass.from }, (_, i) => hex(pass.from + i));
  await inParallel(prefixes, prefixesAtOnce, async (prefix) => {
    for await (const items of oldInlineItems(options.table, prefix, findings.epoch)) {
      checkTime(options, 'inline items', pass);
      for (const item of items) countInline(item, pass, findings);
    }
  });
}

function countInline(item: Item, pass: Pass, findings: Findings): void {
  const name = inlineName(item);
  findings.listener?.onObject(topicIdOfName(name));
  const isNamed = pass.names.delete(name);
  if (!isNamed) countOrphan({ key: name, bytes: itemSize(item) }, findings);
}

/** Takes the items that are there out of the names. */
async function lookUpInline(options: AuditOptions, pass: Pass): Promise<void> {
  const named = Array.from(pass.names).filter(isInlineName);
  for (let at = 0; at < named.length; at += lookedUpAtOnce) {
    checkTime(options, 'inline items', pass);
    await readInlineItems(options.table, named.slice(at, at + lookedUpAtOnce), (name) => pass.names.delete(name));
  }
}

/**
 * Reports what is left of the names, and is still named now. A merge, retention or a sweep may have replaced the others
 * since their names were read. The audit looks once more in the store for those that the report lists.
 */
async function addMissing(options: AuditOptions, pass: Pass, counts: Counts): Promise<void> {
  const { names: unseen } = pass;
  if (unseen.size === 0) return;
  const concerned = new Set(Array.from(unseen, topicIdOfName));
  const topics = (await livingTopics(options)).filter(({ topicId }) => concerned.has(topicId));
  const missing = new Set<string>();
  await eachName(options, topics, pass, (name) => {
    if (unseen.has(name)) missing.add(name);
  });
  for (const object of missing) {
    const isListed = counts.missing.length < mostMissingNamed;
    if (isListed && (await isThere(options, object))) continue;
    counts.missingObjects += 1;
    const topic = topics.find(({ topicId }) => topicId === topicIdOfName(object))!.topic;
    if (isListed) counts.missing.push({ object, topic });
  }
}

async function isThere({ objects, table }: AuditOptions, key: string): Promise<boolean> {
  const inline = parseInlineName(key);
  if (inline) return (await table.get(inline.key, { strong: true })) !== undefined;
  const page = await objects.list({ prefix: key, limit: 1 });
  return page.objects[0]?.key === key;
}
