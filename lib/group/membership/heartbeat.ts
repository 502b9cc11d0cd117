// The heartbeat keeps a member in its group, and moves partitions. Read this file from `heartbeat` down; decide.ts says
// what each step means. Any process may take any heartbeat, several may take the same one, and any of them may die
// between two steps: the next heartbeat goes on from what is stored.

import type { HeartbeatReply, HeartbeatRequest } from '../../api/groups.ts';
import { refused } from '../../api/refusal.ts';
import type { Clock } from '../../runtime/clock.ts';
import { checkCapacity } from '../assignment/capacity.ts';
import { computeTarget, topicsChanged } from '../assignment/compute.ts';
import { beingChanged, delivered, type GroupContext } from '../context.ts';
import type { GroupHead } from '../items/head.ts';
import { bump, hasNoSubscription, hasTargets, openHead, readCatalogue } from '../items/heads.ts';
import { clockSkewMs, closed, isExpired, type Member, next, targetKeyOf } from '../items/member.ts';
import {
  isFromTheFuture,
  type Moment,
  putMember,
  readInstance,
  readMember,
  retire,
  takeOver,
  watch,
} from '../items/members.ts';
import { readTarget } from '../items/target.ts';
import type { Partitions } from '../partition-set.ts';
import { claim, release } from './claim.ts';
import { admit, glance, leftReply, ownedBy, reconcile, recordOf, replyOf, settle } from './decide.ts';
import { endClassic } from './end-classic.ts';
import { type CheckedRequest, checkedRequest, isJoining, isLeaving } from './heartbeat-request.ts';

/** API Gateway cuts a request at 30 s, so no request is older. */
const requestAgeMs = 30_000;
/** How often a request reads its items, if other processes change them meanwhile. */
const looks = 4;

/**
 * The state of one request. A request raises the group epoch at most once: otherwise two coordinators could answer each
 * other for ever.
 */
type Run = {
  readonly context: GroupContext;
  readonly sent: CheckedRequest;
  readonly ownClock: Clock;
  readonly ailing: readonly Member[];
  readonly suspectsTopics: boolean;
  hasBumped: boolean;
};

export async function heartbeat(given: GroupContext, request: HeartbeatRequest): Promise<HeartbeatReply> {
  const sent = checkedRequest(request);
  const ownClock = given.clock;
  const context = { ...given, clock: timeOf(given, request.receivedMs) };
  const quick = isJoining(sent) || isLeaving(sent) ? slowOf() : await glanceAt(context, sent, ownClock);
  if ('reply' in quick) return quick.reply;
  const run: Run = { context, sent, ownClock, ...quick, hasBumped: false };
  for (let look = 0; look < looks; look++) {
    const reply = await goThrough(run);
    if (reply) return reply;
  }
  throw beingChanged(sent.groupId);
}

/**
 * The time of a heartbeat is the moment when the gateway took it. We cannot tell a fast local clock from a slow
 * request. If the gateway's time counts, a fast clock ends no session of a living member, and a slow request only
 * notices dead members a little later. A local clock that is behind the gateway's, or ahead by more than a request can
 * take, is wrong.
 */
function timeOf({ clock }: GroupContext, receivedMs: number | undefined): Clock {
  if (receivedMs === undefined) return clock;
  const aheadMs = clock.now() - receivedMs;
  if (aheadMs < -clockSkewMs || aheadMs > clockSkewMs + requestAgeMs)
    throw refused(
      'COORDINATOR_NOT_AVAILABLE',
      `the clock of this coordinator is ${aheadMs} ms ahead of the gateway's, outside ${-clockSkewMs} to ${clockSkewMs + requestAgeMs} ms: send the same heartbeat again`,
    );
  const startedMs = clock.monotonic();
  return { ...clock, now: () => Math.floor(receivedMs + clock.monotonic() - startedMs) };
}

/** A slow request would take every newer lease for one from the future, so it compares leases with the later clock. */
function momentOf({ clock }: GroupContext, ownClock: Clock): Moment {
  const nowMs = clock.now();
  return { nowMs, latestMs: Math.max(nowMs, ownClock.now()) };
}

// --- the fast path: eventual reads, and mostly no write

type Slow = Pick<Run, 'ailing' | 'suspectsTopics'>;
const slowOf = (ailing: readonly Member[] = [], suspectsTopics = false): Slow => ({ ailing, suspectsTopics });

async function glanceAt(
  context: GroupContext,
  sent: CheckedRequest,
  ownClock: Clock,
): Promise<{ reply: HeartbeatReply } | Slow> {
  const { table, clock } = context;
  const { head, me, ailing, isLast } = await watch(context, sent.groupId, sent.memberId, momentOf(context, ownClock));
  if (ailing.length > 0) return slowOf(ailing);
  const now = clock.now();
  const outcome = glance({ head, member: me, nowMs: now }, sent);
  if (outcome.kind === 'slow') return slowOf();
  if (outcome.kind === 'reply') return { reply: replyOf(me!, sent, now) };
  if (isLast && (await readCatalogue(table, false)) > head!.catalogue) return slowOf([], true);
  const isRenewed = await putMember(context, sent.groupId, me, outcome.member);
  return isRenewed ? { reply: replyOf(outcome.member, sent, now) } : slowOf();
}

// --- the slow path: strong reads, the member before the head

/** Undefined if another process has changed what was read: the caller reads it again. */
async function goThrough(run: Run): Promise<HeartbeatReply | undefined> {
  const { context, sent } = run;
  const { clock } = context;
  const before = await readMember(context.table, sent.groupId, sent.memberId);
  const instance = await readInstanceOf(run);
  const admission = admit({ member: before, instance, nowMs: clock.now() }, sent);
  switch (admission.kind) {
    case 'refused':
      throw admission.error;
    case 'repeat':
      return replyOf(before!, sent, clock.now());
    case 'left':
      return leftReply(sent);
    case 'expire':
      await putMember(context, sent.groupId, admission.member, closed(admission.member));
      return undefined;
    case 'go-on':
      return assignTo(run, before!, admission.owned);
    case 'write': {
      if (!isLeaving(sent)) await checkCapacity(context, sent.groupId, admission.member);
      if (!(await putMember(context, sent.groupId, before, admission.member))) return undefined;
      return isLeaving(sent) ? afterLeaving(run, admission.member) : assignTo(run, admission.member);
    }
    case 'take-over': {
      await checkCapacity(context, sent.groupId, admission.member);
      const change = { member: admission.member, before, holder: instance?.holder, heldBy: instance?.memberId };
      if (!(await takeOver(context, sent.groupId, change))) return undefined;
      return assignTo(run, admission.member);
    }
  }
}

async function readInstanceOf({ context, sent }: Run) {
  if (sent.instanceId === undefined) return undefined;
  const memberId = await readInstance(context.table, sent.groupId, sent.instanceId);
  if (memberId === undefined) return undefined;
  return { memberId, holder: await readMember(context.table, sent.groupId, memberId) };
}

/** The partitions of a member that left are free immediately. The others receive them with their next heartbeats. */
async function afterLeaving(run: Run, member: Member): Promise<HeartbeatReply> {
  if (member.state === 'closed') {
    const head = await bumpOnce(run);
    const hasTarget = head.subscription === undefined;
    if (hasTarget && head.groupEpoch > head.assignmentEpoch) await computeTarget(run.context, run.sent.groupId, head);
  }
  return leftReply(run.sent);
}

async function bumpOnce(run: Run): Promise<GroupHead> {
  const { context, sent } = run;
  if (run.hasBumped) throw beingChanged(sent.groupId);
  run.hasBumped = true;
  const head = (await bump(context, sent.groupId, hasTargets, hasNoSubscription)) ?? (await makeAndBump(context, sent));
  if (!head) throw beingChanged(sent.groupId);
  return head;
}

/** The first member of a group creates it, or ends its classic protocol. */
async function makeAndBump(context: GroupContext, sent: CheckedRequest): Promise<GroupHead | undefined> {
  const { groupId, memberId } = sent;
  const head = await openHead(context, groupId);
  // A member that leaves changes no protocol: those who have taken over the group meanwhile have another.
  if (isLeaving(sent) && (head.subscription || head.classic)) return head;
  await checkMayJoin(context, sent, head);
  if (head.classic) await endClassic(context, groupId, head, memberId);
  return bump(context, groupId, hasTargets, hasNoSubscription);
}

/** The joining member is stored already. If it is refused it is closed, so that no creation of a subscription waits for it. */
async function checkMayJoin(context: GroupContext, { groupId, memberId }: CheckedRequest, head: GroupHead) {
  if (!head.subscription) return;
  const member = await readMember(context.table, groupId, memberId);
  if (member) await putMember(context, groupId, member, closed(member));
  throw delivered(groupId, 'INCONSISTENT_GROUP_PROTOCOL');
}

/** `reported` is what the member says it owns; undefined if that is not known. */
async function assignTo(run: Run, member: Member, reported?: Partitions): Promise<HeartbeatReply | undefined> {
  const { context, sent } = run;
  const found = await targetFor(run, member);
  if (!found) return undefined;
  const { head, target } = found;
  if (head.assignmentEpoch < member.epoch) throw beingChanged(sent.groupId);
  const owned = reported ?? reportedBy(member, sent);
  const now = context.clock.now();
  const plan = reconcile(member, sent, owned, target, now);
  if (plan.kind === 'hold') return answer(run, member, recordOf(member, sent, owned, now));
  await release(context, sent.groupId, member, plan.release);
  if (plan.kind === 'revoke') return answer(run, member, plan.member);
  const { claimed, expired } = await claim(context, sent.groupId, member, head.assignmentEpoch, plan.missing);
  for (const owner of expired) await putMember(context, sent.groupId, owner, closed(owner));
  const epoch = head.assignmentEpoch;
  return answer(
    run,
    member,
    settle(member, sent, owned, { epoch, claimed, missing: plan.missing }, context.clock.now()),
  );
}

function reportedBy(member: Member, sent: CheckedRequest): Partitions | undefined {
  const owned = ownedBy(member, sent);
  return owned === 'foreign' ? undefined : owned;
}

/**
 * Writes the item before it replies, if a write is needed: a reply names only partitions that the member's item lists.
 */
async function answer(
  { context, sent }: Run,
  before: Member,
  after: Member | undefined,
): Promise<HeartbeatReply | undefined> {
  if (after && !(await putMember(context, sent.groupId, before, after))) return undefined;
  return replyOf(after ?? before, sent, context.clock.now());
}

// --- the target

/**
 * Returns the member's part of a target whose epoch has seen everything that this member has written, and the death of
 * the members that it watches.
 */
async function targetFor(run: Run, member: Member): Promise<{ head: GroupHead; target: Partitions } | undefined> {
  const { context, sent } = run;
  let head = member.isBumpDue ? await bumpOnce(run) : await openHead(context, sent.groupId);
  await checkMayJoin(context, sent, head);
  head = await tend(run, head);
  if (head.groupEpoch > head.assignmentEpoch) head = await computeTarget(context, sent.groupId, head, sent.memberId);
  let target = await readTarget(context.table, sent.groupId, head);
  if (target && !target.has(targetKeyOf(member))) {
    head = await computeTarget(context, sent.groupId, await bumpOnce(run), sent.memberId);
    target = await readTarget(context.table, sent.groupId, head);
  }
  const mine = target?.get(targetKeyOf(member));
  return mine && { head, target: mine };
}

/**
 * Closes the watched members that are dead, and retires closed members that no target names. Raises the epoch if the
 * target names a closed member, or if the topics of the group have changed.
 */
async function tend(run: Run, head: GroupHead): Promise<GroupHead> {
  const { context, sent, suspectsTopics } = run;
  await pullBack(run);
  const over = await closeDead(run);
  if (head.groupEpoch > head.assignmentEpoch || run.hasBumped) return head;
  const target = over.length > 0 ? await readTarget(context.table, sent.groupId, head) : undefined;
  const named = target ? await retire(context, sent.groupId, over, target) : [];
  const isStale = named.length > 0 || (suspectsTopics && (await topicsChanged(context, sent.groupId, head)));
  return isStale ? bumpOnce(run) : head;
}

/** Returns all watched members that are closed now. */
async function closeDead({ context, sent, ailing }: Run): Promise<Member[]> {
  const now = context.clock.now();
  const over = ailing.filter(({ state }) => state === 'closed');
  for (const member of ailing.filter((each) => isExpired(each, now))) {
    const end = closed(member);
    if (await putMember(context, sent.groupId, member, end)) over.push(end);
  }
  return over;
}

/**
 * A member may renew its lease by a clock that is far ahead, and die. Without this write, the lease would outlive it.
 */
async function pullBack({ context, sent, ailing, ownClock }: Run): Promise<void> {
  const moment = momentOf(context, ownClock);
  for (const member of ailing.filter((each) => isFromTheFuture(each, moment)))
    await putMember(context, sent.groupId, member, next(member, { renewedMs: moment.latestMs }));
}
