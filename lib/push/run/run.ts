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
import { hasRoomFor } from '../items/room.ts';
import { validSecrets } from '../items/secrets.ts';
import type { LiveSubscription, Subscription } from '../items/subscription.ts';
import { lookAtPartitions } from '../look.ts';
import type { Run } from './commit.ts';
import { deliverNext } from './deliver.ts';
import { type Hold, TermIsOver } from './hold.ts';
import { readSettings, type Taken, take } from './take.ts';

const endless: PushProcess = { leftMs: () => Number.POSITIVE_INFINITY };

/** A run hands over after this time, so that a partition that is never caught up does not outlive its process. */
const longestRunMs = 120_000;
/** Enough for a batch that takes as long as a function may. */
const reserveMs = 11 * 60_000;

/** Two runs that saw each other yield, and come again one after the other. */
const mostYieldMs = 500;
/** After more terms in a row that found nothing to deliver, although there are records, something is wrong. */
const mostIdleTerms = 2;
const idleWaitMs = 1_000;

/** Throws what keeps it from going on: the invocation must then come again. */
export async function run(
  context: PushContext,
  invocation: PushInvocation,
  process: PushProcess = endless,
): Promise<void> {
  const { clock } = context;
  const begunMs = clock.monotonic();
  const isOutOfTime = () => clock.monotonic() - begunMs >= longestRunMs || process.leftMs() < reserveMs;
  for (let isFirst = true, idleTerms = 0; ; isFirst = false) {
    const found = await take(context, invocation);
    if (!found) return;
    const isFollowUp = isFirst && invocation.follows !== undefined;
    const taken = { ...found, hasWaited: found.hasWaited || isFollowUp };
    const outcome = await workOn(context, taken, { isOutOfTime, signal: process.signal });
    if (outcome === 'over') return;
    const subscription = await lookAgain(context, invocation, outcome);
    if (!subscription) return;
    const hasMore = outcome !== 'waits' && (await isBehind(context, taken.hold));
    idleTerms = outcome === 'idle' ? idleTerms + 1 : 0;
    // Under a steady flow every batch reaches the end of the log, so that the time is over between two terms.
    if (!hasMore || isOutOfTime()) {
      const isStuck = hasMore && idleTerms > mostIdleTerms;
      await handOn(context, subscription, invocation, { hasMore, isStuck });
      if (isStuck) throw noProgress(invocation);
      return;
    }
    if (outcome === 'no room') await clock.sleep(clock.random() * mostYieldMs);
    if (outcome === 'idle') await clock.sleep((idleTerms - 1) * idleWaitMs);
  }
}

/** A run that handed on without progress would do so for ever. The invocation comes again some times, and then the hourly net helps. */
const noProgress = ({ groupId, topic, partition }: PushInvocation) =>
  new Error(`partition ${partition} of ${topic} has records for ${groupId}, and none of them can be read`);

/**
 * `idle`: it had nothing to deliver. `waits`: a scheduled invocation goes on later. `over`: the partition has another owner, or there is
 * no topic any more.
 */
type Outcome = 'released' | 'idle' | 'no room' | 'waits' | 'over';
type Circumstances = {
  readonly isOutOfTime: () => boolean;
  readonly signal: AbortSignal | undefined;
};

/** If it throws, the partition is released first, if that is possible: it does not count as a death. */
async function workOn(context: PushContext, taken: Taken, circumstances: Circumstances): Promise<Outcome> {
  const { hold } = taken;
  try {
    return await deliverAll(context, taken, circumstances);
  } catch (error) {
    if (error instanceof TermIsOver) return 'over';
    await release(hold).catch(() => undefined);
    if (isTopicGone(error)) return 'over';
    throw error;
  } finally {
    hold.end();
  }
}

const release = (hold: Hold): Promise<void> => hold.write({ leaseUntilMs: 0 });

async function deliverAll(
  context: PushContext,
  { hold, subscription, hasWaited }: Taken,
  { isOutOfTime, signal }: Circumstances,
): Promise<Outcome> {
  if (!(await hasRoomFor(context, subscription, hold.invocation.partition))) return yielding(context, hold, hasWaited);
  const signals = [hold.signal, ...(signal ? [signal] : [])];
  const target = targetOf(context, subscription);
  const signalOfAll = AbortSignal.any(signals);
  const run: Run = { context, hold, subscription, target, signal: signalOfAll, changes: 0, hasWaited };
  for (let isFirst = true; ; isFirst = false) {
    const live = await active(context, subscription);
    if (!live || (!isFirst && isOutOfTime())) return releasing(hold);
    // The next term reads them, also for a batch that fails.
    if (live.settingsRevision > subscription.revision) return releasing(hold);
    run.changes = live.changes;
    const step = await deliverNext(run);
    if (step === 'caught up') return releasing(hold, isFirst ? 'idle' : 'released');
    if (step === 'released') return 'released';
    if (step === 'ended') return 'waits';
  }
}

const targetOf = ({ targets, clock }: PushContext, { settings, secrets }: Subscription) =>
  targets.open(settings, validSecrets(secrets, clock.now()));

async function releasing(hold: Hold, outcome: Outcome = 'released'): Promise<Outcome> {
  await release(hold);
  return outcome;
}

/** A batch must not wait twice to be full because there was no room at the end of the first wait. */
async function yielding({ clock }: PushContext, hold: Hold, hasWaited: boolean): Promise<Outcome> {
  const isMarked = hasWaited && hold.note === undefined;
  await hold.write({ leaseUntilMs: 0, ...(isMarked && { note: { windowUntilMs: clock.now() } }) });
  return 'no room';
}

/** Step 3. A deleted subscription is not delivered to any more, nor is one that was made again delivered to by an old run. */
async function active({ table }: PushContext, { groupId, id }: Subscription): Promise<HeadSubscription | undefined> {
  const live = (await readHead(table, groupId))?.subscription;
  const isSame = live?.id === id;
  return isSame && live.state === 'Enabled' ? live : undefined;
}

/**
 * Step 8, after the release. An append or a resumption that came before it has met the lease, and was not heard of. The subscription
 * may be another one by now, and a limit may be new: whoever met the lease has read it. Undefined if nothing is left to look for.
 */
async function lookAgain(
  context: PushContext,
  { groupId, topicId }: PushInvocation,
  outcome: Outcome,
): Promise<LiveSubscription | undefined> {
  const subscription = await readSettings(context.table, groupId);
  if (subscription?.topicId !== topicId) return undefined;
  if (outcome === 'waits' && !isLimited(subscription)) return undefined;
  const live = await active(context, subscription);
  return live && { ...subscription, ...live };
}

const isLimited = ({ settings }: Subscription): boolean => settings.maximumConcurrency !== undefined;

async function isBehind({ log }: PushContext, { invocation, offset }: Hold): Promise<boolean> {
  const head = await log.heads.read(invocation);
  return (head?.next ?? 0) > offset;
}

/**
 * The partition is released already: an invocation that found the lease would end. If the number of partitions at work is limited,
 * invocations for others have met it, and were used up. Those have their turn before this one, also if this one is stuck.
 */
async function handOn(
  context: PushContext,
  subscription: LiveSubscription,
  invocation: PushInvocation,
  { hasMore, isStuck }: { readonly hasMore: boolean; readonly isStuck: boolean },
): Promise<void> {
  const { partition } = invocation;
  const look = { after: partition, ...(isStuck && { without: partition }) };
  if (isLimited(subscription)) await lookAtPartitions(context, subscription, look);
  else if (hasMore && !isStuck) await context.invoke(newInvocation(context, invocation, partition));
}
