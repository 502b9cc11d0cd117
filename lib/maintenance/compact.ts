// Compaction keeps the newest record of each key, at its offset (Kafka's cleanup.policy=compact). A pass first makes a map
// of the keys of the dirty records. Then it goes through the log items from the log start up to the end of the dirty range,
// in units: it reads one, takes out what the map knows a newer record of, and swaps it, before it reads the next.
//
// Invariants: the last record of each key is there, and no value comes back below its removed tombstone. So units go
// upwards, none is passed over, and only a process that has finished every unit moves the clean point. Passes may run
// beside each other, and each may die anywhere: a dead one leaves older records, which a later pass removes.

import { logItemsFrom } from '../partition/locate.ts';
import { newUnpackBudget } from '../record/unpack.ts';
import { itemVersion, maintenanceKey } from '../storage/keys.ts';
import { absent, any, below, type Condition, equals, type Update } from '../storage/table.ts';
import { configNumber } from '../topic/config.ts';
import { isCompacted } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';
import { cleanUnit } from './compaction/clean-unit.ts';
import { type DirtyKeys, mapDirtyKeys } from './compaction/dirty-keys.ts';
import { type CompactionLimits, type CompactionPass, compactionLimits } from './compaction/pass.ts';
import { openHeadOf, planCompaction } from './compaction/plan.ts';
import { isDamage } from './compaction/read-items.ts';
import type { MaintenanceContext } from './context.ts';

/** Does one pass if it is due. */
export async function compact(
  context: MaintenanceContext,
  topic: Topic,
  partition: number,
  limits: CompactionLimits = compactionLimits,
): Promise<void> {
  if (!isCompacted(topic.overrides)) return;
  const plan = await planCompaction(context, topic, partition);
  if (!plan) return;
  const pass: CompactionPass = {
    context,
    plan,
    limits,
    budget: newUnpackBudget(),
    deleteRetentionMs: configNumber(topic.overrides, 'delete.retention.ms'),
  };
  try {
    await run(pass);
  } catch (error) {
    if (!isDamage(error)) throw error;
    context.onDamage(plan.address, { offset: Number(error.extra.offset), reason: error.message });
  }
}

async function run(pass: CompactionPass): Promise<void> {
  const keys = await mapDirtyKeys(pass);
  if (!keys) return;
  const reached = await cleanUpwards(pass, keys);
  if (pass.context.isDryRun) return;
  const isFinished = reached >= keys.to;
  if (isFinished) await moveCleanPoint(pass, keys.to);
  else await rememberUnfinished(pass, keys.to, reached);
}

/** A unit is read again this often, because others change it meanwhile. Then the pass ends. */
const mostRefusals = 8;

/** Returns the offset up to which every unit is cleaned. */
async function cleanUpwards(pass: CompactionPass, keys: DirtyKeys): Promise<number> {
  const { context, plan } = pass;
  let reached = startOf(pass, keys);
  for (let refusals = 0; reached < keys.to && refusals < mostRefusals && !context.isOver(); ) {
    const cleaned = await cleanUnit(pass, keys, reached);
    // The next round reads what covers the offset by then. A pass that skipped it would leave values there and remove the tombstone above them.
    if (cleaned === 'refused') refusals++;
    else if (cleaned !== 'uncovered') reached = cleaned;
    else {
      const logStart = (await openHeadOf(context.table, plan.address))?.logStart ?? reached;
      const isDeleted = logStart > reached;
      if (!isDeleted) break;
      reached = logStart;
    }
  }
  return reached;
}

/** An unfinished pass goes on where it ended, if the map is of the same range. */
function startOf({ plan: { logStart, unfinished } }: CompactionPass, { to }: DirtyKeys): number {
  return unfinished?.to === to ? Math.max(logStart, unfinished.reached) : logStart;
}

async function moveCleanPoint(pass: CompactionPass, to: number): Promise<void> {
  const grows = any(absent('cp'), below('cp', to));
  await update(pass, grows, {
    set: [
      ['cp', to],
      ['cy', await bytesBelow(pass, to)],
    ],
    remove: ['cd', 'cr'],
  });
}

/** After a crash the next pass begins at the log start. */
async function rememberUnfinished(pass: CompactionPass, to: number, reached: number): Promise<void> {
  const { cleanPoint } = pass.plan;
  // A greater clean point has removed the range: what is cleaned by older keys says nothing about the new ones.
  const isSameCleanPoint = cleanPoint === 0 ? any(absent('cp'), equals('cp', 0)) : equals('cp', cleanPoint);
  await update(pass, isSameCleanPoint, {
    set: [
      ['cd', to],
      ['cr', reached],
    ],
  });
}

async function update({ context, plan }: CompactionPass, condition: Condition, change: Update): Promise<void> {
  const { topicId, partition } = plan.address;
  await context.table.write({
    kind: 'update',
    key: maintenanceKey(topicId, partition),
    update: { setIfAbsent: [['v', itemVersion]], ...change },
    if: condition,
  });
}

async function bytesBelow({ context, plan }: CompactionPass, to: number): Promise<number> {
  let bytes = 0;
  for await (const item of logItemsFrom(context.table, plan.address, plan.logStart, to, 1000)) bytes += item.bytes;
  return bytes;
}
