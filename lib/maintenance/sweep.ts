// The sweep deletes the objects and inline items that nothing names, and the items of deleted topics. First it audits. If
// nothing is unnamed and old, it writes nothing. Otherwise the order of its steps keeps an object or item that may still be
// named:
//
//   1 read topics and their partitions, after all was listed          3 read all names again
//   2 raise the fences of every partition to the sweep's epoch        4 delete what was listed, is older, and unnamed
//
// After step 2 no append and no merge can name an object or item of an older epoch, so step 3 sees every name that it can ever
// get. docs/PROTOCOL.md says what goes wrong in any other order. Two sweeps may run together, and each may die at any step:
// the fences that it leaves only make late writers upload again.
import { fenceHead, fenceOutputs } from '../partition/fence.ts';
import { deleteInlineItems } from '../partition/inline-item.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { isInlineName, topicIdOfName } from '../storage/keys.ts';
import { type AuditReport, audit, type Orphan, orphanEpochAt } from './audit.ts';
import type { MaintenanceContext } from './context.ts';
import { removeDeletedTopics } from './deleted-topics.ts';
import { eachPartition, type LivingTopic, livingTopics } from './living-topics.ts';
import { namesOf } from './named.ts';
import { adoptBucket, bucketOwner, claimBucket, type Owned } from './owner.ts';
import { Unfinished } from './unfinished.ts';

export type SweepContext = MaintenanceContext & Owned;

export type SweepOptions = {
  /** Gives the bucket to this table first. An operator sets this as the last step of a restore. */
  readonly adopt?: boolean;
  /** Objects of an older epoch may go. The default is three hours ago; only simulations have another. */
  readonly epoch?: number;
  /** How many names the audit holds at a time, and how many objects one sweep deletes at most. */
  readonly maxNames?: number;
};

export type SweepReport = {
  readonly audit: AuditReport;
  /** The objects that nothing named, and their bytes. A dry run has left them. */
  readonly sweptObjects: number;
  readonly sweptBytes: number;
  /** The number of deleted topics whose last items were removed. */
  readonly removedTopics: number;
  /** Says why there is more to delete, if there is. The next sweep goes on. */
  readonly incomplete?: string;
  /** Says why this sweep may not delete anything, and what to do. */
  readonly refusal?: string;
};

const mostOrphans = 1_000_000;
const deletedAtOnce = 1_000;
const deletesAtOnce = 4;

/** The findings of the audit: the keys and bytes of unnamed objects, and the ids of topics that have objects. */
type Found = { readonly orphans: Map<string, number>; readonly listed: Set<string>; isFull: boolean };
type Swept = { sweptObjects: number; sweptBytes: number; removedTopics: number };

export async function sweep(context: SweepContext, options: SweepOptions = {}): Promise<SweepReport> {
  const epoch = options.epoch ?? orphanEpochAt(context.clock.now());
  const most = options.maxNames ?? mostOrphans;
  const refusal = await refusalOf(context, options);
  const found: Found = { orphans: new Map(), listed: new Set(), isFull: false };
  const report = await audit({ ...context, maxNames: most }, listenerOf(found, most), epoch);
  const swept: Swept = { sweptObjects: 0, sweptBytes: 0, removedTopics: 0 };
  if (refusal !== undefined) return { audit: report, ...swept, refusal };
  const incomplete = report.incomplete ?? (await finished(removeAll(context, found, epoch, swept)));
  return { audit: report, ...swept, ...(incomplete !== undefined && { incomplete }) };
}

async function refusalOf(context: SweepContext, { adopt = false }: SweepOptions): Promise<string | undefined> {
  const take = adopt ? adoptBucket : claimBucket;
  return foreignOwner(context, context.isDryRun ? undefined : await take(context));
}

/** Without `owner` it is read. A bucket that has no name yet may be swept in a dry run. */
async function foreignOwner({ objects, tableName }: Owned, owner?: string): Promise<string | undefined> {
  const current = owner ?? (await bucketOwner(objects)) ?? tableName;
  const isOurs = current === tableName;
  if (isOurs) return undefined;
  return `the bucket belongs to table ${current}, so this sweep from table ${tableName} deletes nothing: if ${tableName} replaces it, give it the bucket as the last step of the restore (docs/RUNBOOK.md, "Backup and restore")`;
}

function listenerOf(found: Found, most: number) {
  return {
    onObject: (topicId: string) => void found.listed.add(topicId),
    onOrphan: ({ key, bytes }: Orphan) => {
      if (found.orphans.size < most) found.orphans.set(key, bytes);
      else found.isFull = true;
    },
  };
}

async function removeAll(context: SweepContext, found: Found, epoch: number, swept: Swept): Promise<void> {
  if (found.orphans.size > 0) await removeOrphans(context, found, epoch, swept);
  swept.removedTopics = await removeDeletedTopics(context, found.listed);
  if (found.isFull) throw new Unfinished('more objects are unnamed than one sweep deletes');
}

async function removeOrphans(context: SweepContext, { orphans }: Found, epoch: number, swept: Swept): Promise<void> {
  const concerned = new Set(Array.from(orphans.keys(), topicIdOfName));
  const topics = (await livingTopics(context)).filter(({ topicId }) => concerned.has(topicId));
  if (!context.isDryRun) await raiseFences(context, topics, epoch);
  await keepNamed(context, topics, orphans);
  await deleteAll(context, [...orphans], swept);
}

/** Each partition needs both fences: appends are named by the head, and the outputs of merges by log items. */
async function raiseFences(context: SweepContext, topics: readonly LivingTopic[], epoch: number): Promise<void> {
  for (const topic of topics)
    await eachPartition(topic, async (address) => {
      checkTime(context, 'fence all partitions');
      await fenceHead(context.table, address, epoch);
      await fenceOutputs(context.table, address, epoch);
    });
}

/** Takes what is named by now out of the orphans. The objects of a topic that does not live stay among them. */
async function keepNamed(
  context: SweepContext,
  topics: readonly LivingTopic[],
  orphans: Map<string, number>,
): Promise<void> {
  for (const topic of topics)
    await eachPartition(topic, async (address) => {
      for await (const name of namesOf(context, address)) {
        checkTime(context, 'read the names again');
        orphans.delete(name);
      }
    });
}

async function deleteAll(
  context: SweepContext,
  doomed: readonly (readonly [key: string, bytes: number])[],
  swept: Swept,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(doomed.length / deletedAtOnce) }, (_, i) => i * deletedAtOnce);
  await inParallel(starts, deletesAtOnce, async (start) => {
    checkTime(context, 'delete all objects');
    const some = doomed.slice(start, start + deletedAtOnce);
    if (!context.isDryRun) await deleteSome(context, some);
    const bytes = some.reduce((sum, [, each]) => sum + each, 0);
    swept.sweptObjects += some.length;
    swept.sweptBytes += bytes;
    context.counts.sweptObjects += some.length;
    context.counts.sweptBytes += bytes;
  });
}

/** The bucket may have been given to another table since the sweep began. */
async function deleteSome(context: SweepContext, some: readonly (readonly [string, number])[]): Promise<void> {
  const refusal = await foreignOwner(context);
  if (refusal !== undefined) throw new Unfinished(refusal);
  const [items, objects] = [some.filter(([name]) => isInlineName(name)), some.filter(([name]) => !isInlineName(name))];
  await context.objects.delete(objects.map(([key]) => key));
  await deleteInlineItems(
    context.table,
    items.map(([name]) => name),
  );
}

/** A pass that sleeps for days must end here, and not make items of a topic that was deleted since. */
function checkTime({ isOver }: SweepContext, task: string): void {
  if (isOver()) throw new Unfinished(`no time was left to ${task}`);
}

/** @returns why it has not finished, if it has not. */
async function finished(work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Unfinished) return error.message;
    throw error;
  }
}
