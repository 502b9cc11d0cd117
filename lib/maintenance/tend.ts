// Tending a partition does everything that is due for it: merge, retention, compaction, and cleaning of index pages. Any
// number of processes may do it at the same time: each step guards itself. The lease only keeps two processes from paying for the
// same work. Its owner may die, so the lease ends by itself.
import type { PageAddress } from '../partition/page.ts';
import { itemVersion, maintenanceKey } from '../storage/keys.ts';
import { absent, any, atMost, equals } from '../storage/table.ts';
import { isCompacted, mayRemove } from '../topic/retention.ts';
import type { Topic } from '../topic/topics.ts';
import { compact } from './compact.ts';
import type { MaintenanceContext } from './context.ts';
import { join } from './join.ts';
import { merge } from './merge.ts';
import { cleanPages } from './pages.ts';
import { retain } from './retain.ts';

export type Tending = MaintenanceContext & {
  /** Names the process for the lease. */
  readonly owner: string;
  /** A pass that was asked for takes the lease from the process that has it. */
  readonly isAskedFor: boolean;
  /** When the first pass of a version with maintenance was recorded. */
  readonly begunMs: number;
  /** Merging begins so long after that. Until then readers of an older version may be at work. */
  readonly mergeDelayMs: number;
};

/** Longer than a function lives. */
const leaseMs = 16 * 60_000;

/** `cut`: the time was up before the last step ended. `taken`: another process is tending the partition. */
export type TendEnd = 'whole' | 'cut' | 'taken';

export async function tend(tending: Tending, topic: Topic, partition: number): Promise<TendEnd> {
  const address = { topicId: topic.topicId, partition };
  if (!(await takeLease(tending, address))) return 'taken';
  let isWhole = false;
  try {
    await takeSteps(tending, stepsFor(tending, topic, address));
    isWhole = !tending.isOver();
  } finally {
    await endLease(tending, address, isWhole);
  }
  return isWhole ? 'whole' : 'cut';
}

type Step = () => Promise<unknown>;

async function takeSteps({ isOver }: Tending, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (isOver()) return;
    await step();
  }
}

function stepsFor(tending: Tending, topic: Topic, address: PageAddress): Step[] {
  const { begunMs, mergeDelayMs, clock, isDryRun, isAskedFor } = tending;
  const nowMs = clock.now();
  const readersCanFollow = nowMs >= begunMs + mergeDelayMs;
  const mayCompact = isDryRun || mayRemove(topic, begunMs, nowMs);
  const compaction = mayCompact ? [() => compact(tending, topic, address.partition)] : [];
  return [
    ...(readersCanFollow ? [() => merge(tending, address)] : []),
    () => retain(tending, topic, address.partition, isDryRun && isAskedFor),
    ...(isCompacted(topic.overrides) ? compaction : [() => join(tending, address)]),
    () => cleanPages(tending, address),
  ];
}

async function takeLease({ table, clock, isDryRun, isAskedFor, owner }: Tending, at: PageAddress) {
  if (isDryRun) return true;
  const nowMs = clock.now();
  const isFree = any(absent('lu'), atMost('lu', nowMs), equals('lo', owner));
  const { applied } = await table.write({
    kind: 'update',
    key: maintenanceKey(at.topicId, at.partition),
    update: {
      setIfAbsent: [['v', itemVersion]],
      set: [
        ['lo', owner],
        ['lu', nowMs + leaseMs],
      ],
    },
    ...(!isAskedFor && { if: isFree }),
  });
  return applied;
}

/** A pass that ends early does not count as one: what it left is still due. */
async function endLease({ table, clock, isDryRun, owner }: Tending, at: PageAddress, isWhole: boolean): Promise<void> {
  if (isDryRun) return;
  const isOurs = equals('lo', owner);
  await table.write({
    kind: 'update',
    key: maintenanceKey(at.topicId, at.partition),
    update: { set: [['lu', 0], ...(isWhole ? [['at', clock.now()] as const] : [])] },
    if: isOurs,
  });
}
