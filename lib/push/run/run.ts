// START HERE: one run of the dispatcher delivers one partition of one subscription, batch by batch, until it has caught up.
// `run` reads like the table in docs/PROTOCOL.md: look, begin, and before each batch look whether the subscription is active;
// deliver, commit or note the failure; release, and look again. Any number of runs may be at the same partition, each may be
// frozen or die between two steps, and its invocation may come twice or late.
//
// Invariant: an offset is committed only after its record was answered for or given up, and only in the term that delivered it.
import type { PushInvocation, PushProcess } from '../../api/push.ts';
import type { HeadSubscription } from '../../group/items/head.ts';
import { readHead } from '../../group/items/heads.ts';
import { isTopicGone, type PushContext } from '../context.ts';
import { newInvocation } from '../items/invocation.ts';
import { validSecrets } from '../items/secrets.ts';
import type { Subscription } from '../items/subscription.ts';
import type { Run } from './commit.ts';
import { deliverNext } from './deliver.ts';
import { type Hold, TermIsOver } from './hold.ts';
import { readSettings, take } from './take.ts';

const endless: PushProcess = { leftMs: () => Number.POSITIVE_INFINITY };

/** A run hands over after this time, so that a partition that is never caught up does not outlive its process. */
const longestRunMs = 120_000;
/** Enough for a batch that takes as long as a function may. */
const reserveMs = 11 * 60_000;

/** Throws what keeps it from going on: the invocation must then come again. */
export async function run(
  context: PushContext,
  invocation: PushInvocation,
  process: PushProcess = endless,
): Promise<void> {
  const begunMs = context.clock.monotonic();
  const isOutOfTime = () => context.clock.monotonic() - begunMs >= longestRunMs || process.leftMs() < reserveMs;
  for (let isFirst = true; ; isFirst = false) {
    const hold = await take(context, invocation);
    if (!hold) return;
    const isFollowUp = isFirst && invocation.follows !== undefined;
    const outcome = await workOn(context, hold, { isOutOfTime, isFollowUp, signal: process.signal });
    if (outcome === 'ended') return;
    if (!(await hasMore(context, hold))) return;
    // Under a steady flow every batch reaches the end of the log, so that the time is over between two terms.
    if (isOutOfTime()) return goOnElsewhere(context, invocation);
  }
}

type Outcome = 'released' | 'ended';
type Circumstances = {
  readonly isOutOfTime: () => boolean;
  readonly isFollowUp: boolean;
  readonly signal: AbortSignal | undefined;
};

/** If it throws, the partition is released first, if that is possible: it does not count as a death. */
async function workOn(context: PushContext, hold: Hold, circumstances: Circumstances): Promise<Outcome> {
  try {
    return await deliverAll(context, hold, circumstances);
  } catch (error) {
    if (error instanceof TermIsOver) return 'ended';
    await release(hold).catch(() => undefined);
    if (isTopicGone(error)) return 'ended';
    throw error;
  } finally {
    hold.end();
  }
}

const release = (hold: Hold): Promise<void> => hold.write({ leaseUntilMs: 0 });

async function deliverAll(
  context: PushContext,
  hold: Hold,
  { isOutOfTime, isFollowUp, signal }: Circumstances,
): Promise<Outcome> {
  const subscription = await readSettings(context.table, hold.invocation.groupId);
  if (!subscription || subscription.topicId !== hold.invocation.topicId) return releasing(hold);
  const signals = [hold.signal, ...(signal ? [signal] : [])];
  const target = targetOf(context, subscription);
  const signalOfAll = AbortSignal.any(signals);
  const run: Run = { context, hold, subscription, target, signal: signalOfAll, changes: 0, hasWaited: isFollowUp };
  for (let isFirst = true; ; isFirst = false) {
    const live = await active(context, subscription);
    if (!live) return releasing(hold);
    run.changes = live.changes;
    if (!isFirst && isOutOfTime()) return handOver(context, hold);
    const outcome = await deliverNext(run);
    if (outcome === 'caught up') return releasing(hold);
    if (outcome !== 'go on') return outcome;
  }
}

const targetOf = ({ targets, clock }: PushContext, { settings, secrets }: Subscription) =>
  targets.open(settings, validSecrets(secrets, clock.now()));

async function releasing(hold: Hold): Promise<Outcome> {
  await release(hold);
  return 'released';
}

/** Step 3. A deleted subscription is not delivered to any more, nor is one that was made again delivered to by an old run. */
async function active({ table }: PushContext, { groupId, id }: Subscription): Promise<HeadSubscription | undefined> {
  const live = (await readHead(table, groupId))?.subscription;
  const isSame = live?.id === id;
  return isSame && live.state === 'Enabled' ? live : undefined;
}

/** Releases first: an invocation that found the lease would end. */
async function handOver(context: PushContext, hold: Hold): Promise<Outcome> {
  await release(hold);
  await goOnElsewhere(context, hold.invocation);
  return 'ended';
}

const goOnElsewhere = (context: PushContext, invocation: PushInvocation): Promise<void> =>
  context.invoke(newInvocation(context, invocation, invocation.partition));

/**
 * Step 8. An append or a resumption that came before the release has met the lease, and was not heard of. The subscription may be
 * another one by now.
 */
async function hasMore(context: PushContext, { invocation, offset }: Hold): Promise<boolean> {
  const { groupId, topicId, partition } = invocation;
  const subscription = await readSettings(context.table, groupId);
  if (subscription?.topicId !== topicId || !(await active(context, subscription))) return false;
  const head = await context.log.heads.read({ topicId, partition });
  return (head?.next ?? 0) > offset;
}
