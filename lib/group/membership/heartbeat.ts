// The heartbeat: what keeps a member, and moves partitions. Read it from `heartbeat` down; decide.ts says what each step
// means. Any process may take any heartbeat, several may take the same one, and any may die between two steps: the next
// heartbeat goes on from what is stored.

import { RivuletError } from '../../api/errors.ts';
import type { HeartbeatReply, HeartbeatRequest } from '../../api/groups.ts';
import type { Clock } from '../../runtime/clock.ts';
import { checkCapacity } from '../assignment/capacity.ts';
import { computeTarget, topicsChanged } from '../assignment/compute.ts';
import { beingChanged, type GroupParts } from '../context.ts';
import type { GroupHead } from '../items/head.ts';
import { bump, openHead, readCatalogue } from '../items/heads.ts';
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
import { type Beat, beatOf, isJoining, isLeaving } from './heartbeat-request.ts';

/** API Gateway cuts a request at 30 s: no request is older. */
const requestAgeMs = 30_000;
/** How often what was read is read again, because another changed it meanwhile. */
const looks = 4;

/** One request. It raises the epoch and computes at most once: two coordinators that answer each other would never end. */
type Run = {
  readonly parts: GroupParts;
  readonly beat: Beat;
  readonly ownClock: Clock;
  readonly ailing: readonly Member[];
  readonly suspectsTopics: boolean;
  hasBumped: boolean;
};

export async function heartbeat(given: GroupParts, request: HeartbeatRequest): Promise<HeartbeatReply> {
  const beat = beatOf(request);
  const ownClock = given.clock;
  const parts = { ...given, clock: timeOf(given, request.receivedMs) };
  const quick = isJoining(beat) || isLeaving(beat) ? slowOf() : await glanceAt(parts, beat, ownClock);
  if ('reply' in quick) return quick.reply;
  const run: Run = { parts, beat, ownClock, ...quick, hasBumped: false };
  for (let look = 0; look < looks; look++) {
    const reply = await goThrough(run);
    if (reply) return reply;
  }
  throw beingChanged(beat.groupId);
}

/**
 * The time of a heartbeat is when the gateway took it. Our clock may be ahead, which nobody can tell from a slow request: by
 * the gateway's time the first ends no session of the living, and the second only misses others a little later. One that is
 * behind it, or ahead by more than a request can take, is wrong.
 */
function timeOf({ clock }: GroupParts, receivedMs: number | undefined): Clock {
  if (receivedMs === undefined) return clock;
  const aheadMs = clock.now() - receivedMs;
  if (aheadMs < -clockSkewMs || aheadMs > clockSkewMs + requestAgeMs)
    throw new RivuletError(
      'COORDINATOR_NOT_AVAILABLE',
      `the clock of this coordinator is ${aheadMs} ms from that of the gateway, beyond ${clockSkewMs} ms: send it again`,
      { outcome: 'not-written' },
    );
  const startedMs = clock.monotonic();
  return { ...clock, now: () => Math.floor(receivedMs + clock.monotonic() - startedMs) };
}

/** To a slow request every newer lease would be from the future. */
function momentOf({ clock }: GroupParts, ownClock: Clock): Moment {
  const nowMs = clock.now();
  return { nowMs, latestMs: Math.max(nowMs, ownClock.now()) };
}

// --- the fast path: eventual reads, and mostly no write

type Slow = Pick<Run, 'ailing' | 'suspectsTopics'>;
const slowOf = (ailing: readonly Member[] = [], suspectsTopics = false): Slow => ({ ailing, suspectsTopics });

async function glanceAt(parts: GroupParts, beat: Beat, ownClock: Clock): Promise<{ reply: HeartbeatReply } | Slow> {
  const { table, clock } = parts;
  const { head, me, ailing, isLast } = await watch(parts, beat.groupId, beat.memberId, momentOf(parts, ownClock));
  if (ailing.length > 0) return slowOf(ailing);
  const now = clock.now();
  const outcome = glance({ head, member: me, nowMs: now }, beat);
  if (outcome.kind === 'slow') return slowOf();
  if (outcome.kind === 'reply') return { reply: replyOf(me!, beat, now) };
  if (isLast && (await readCatalogue(table, false)) > head!.catalogue) return slowOf([], true);
  const isRenewed = await putMember(parts, beat.groupId, me, outcome.member);
  return isRenewed ? { reply: replyOf(outcome.member, beat, now) } : slowOf();
}

// --- the slow path: strong reads, the member before the head

/** Undefined when what was read has been changed by another: it is to be read again. */
async function goThrough(run: Run): Promise<HeartbeatReply | undefined> {
  const { parts, beat } = run;
  const { clock } = parts;
  const before = await readMember(parts.table, beat.groupId, beat.memberId);
  const instance = await readInstanceOf(run);
  const admission = admit({ member: before, instance, nowMs: clock.now() }, beat);
  switch (admission.kind) {
    case 'refused':
      throw admission.error;
    case 'repeat':
      return replyOf(before!, beat, clock.now());
    case 'left':
      return leftReply(beat);
    case 'expire':
      await putMember(parts, beat.groupId, admission.member, closed(admission.member));
      return undefined;
    case 'go-on':
      return assignTo(run, before!, admission.owned);
    case 'write': {
      if (!isLeaving(beat)) await checkCapacity(parts, beat.groupId, admission.member);
      if (!(await putMember(parts, beat.groupId, before, admission.member))) return undefined;
      return isLeaving(beat) ? afterLeaving(run, admission.member) : assignTo(run, admission.member);
    }
    case 'take-over': {
      await checkCapacity(parts, beat.groupId, admission.member);
      const change = { member: admission.member, before, holder: instance?.holder, heldBy: instance?.memberId };
      if (!(await takeOver(parts, beat.groupId, change))) return undefined;
      return assignTo(run, admission.member);
    }
  }
}

async function readInstanceOf({ parts, beat }: Run) {
  if (beat.instanceId === undefined) return undefined;
  const memberId = await readInstance(parts.table, beat.groupId, beat.instanceId);
  if (memberId === undefined) return undefined;
  return { memberId, holder: await readMember(parts.table, beat.groupId, memberId) };
}

/** What it owned is to be had at once: the others hear of it with their next heartbeats. */
async function afterLeaving(run: Run, member: Member): Promise<HeartbeatReply> {
  if (member.state === 'closed') {
    const head = await bumpOnce(run);
    if (head.groupEpoch > head.assignmentEpoch) await computeTarget(run.parts, run.beat.groupId, head);
  }
  return leftReply(run.beat);
}

async function bumpOnce(run: Run): Promise<GroupHead> {
  const { parts, beat } = run;
  if (run.hasBumped) throw beingChanged(beat.groupId);
  run.hasBumped = true;
  const head = (await bump(parts, beat.groupId)) ?? (await makeAndBump(parts, beat.groupId));
  if (!head) throw beingChanged(beat.groupId);
  return head;
}

/** The first member of a group makes it. */
async function makeAndBump(parts: GroupParts, groupId: string): Promise<GroupHead | undefined> {
  await openHead(parts, groupId);
  return bump(parts, groupId);
}

/** `reported` is what it says it owns; undefined when that is not known. */
async function assignTo(run: Run, member: Member, reported?: Partitions): Promise<HeartbeatReply | undefined> {
  const { parts, beat } = run;
  const found = await targetFor(run, member);
  if (!found) return undefined;
  const { head, target } = found;
  if (head.assignmentEpoch < member.epoch) throw beingChanged(beat.groupId);
  const owned = reported ?? reportedBy(member, beat);
  const now = parts.clock.now();
  const plan = reconcile(member, beat, owned, target, now);
  if (plan.kind === 'hold') return answer(run, member, recordOf(member, beat, owned, now));
  await release(parts, beat.groupId, member, plan.release);
  if (plan.kind === 'revoke') return answer(run, member, plan.member);
  const { claimed, expired } = await claim(parts, beat.groupId, member, head.assignmentEpoch, plan.missing);
  for (const owner of expired) await putMember(parts, beat.groupId, owner, closed(owner));
  const epoch = head.assignmentEpoch;
  return answer(run, member, settle(member, beat, owned, { epoch, claimed, missing: plan.missing }, parts.clock.now()));
}

function reportedBy(member: Member, beat: Beat): Partitions | undefined {
  const owned = ownedBy(member, beat);
  return owned === 'foreign' ? undefined : owned;
}

/** Written first, if it is to be written: what a member is told, its item lists. */
async function answer(
  { parts, beat }: Run,
  before: Member,
  after: Member | undefined,
): Promise<HeartbeatReply | undefined> {
  if (after && !(await putMember(parts, beat.groupId, before, after))) return undefined;
  return replyOf(after ?? before, beat, parts.clock.now());
}

// --- the target

/** Of an epoch that has seen everything this member has written, and the death of those it watches. */
async function targetFor(run: Run, member: Member): Promise<{ head: GroupHead; target: Partitions } | undefined> {
  const { parts, beat } = run;
  let head = member.isBumpDue ? await bumpOnce(run) : await openHead(parts, beat.groupId);
  head = await tend(run, head);
  if (head.groupEpoch > head.assignmentEpoch) head = await computeTarget(parts, beat.groupId, head, beat.memberId);
  let target = await readTarget(parts.table, beat.groupId, head);
  if (target && !target.has(targetKeyOf(member))) {
    head = await computeTarget(parts, beat.groupId, await bumpOnce(run), beat.memberId);
    target = await readTarget(parts.table, beat.groupId, head);
  }
  const mine = target?.get(targetKeyOf(member));
  return mine && { head, target: mine };
}

/** Closes those that are dead, retires those that nothing names, and raises the epoch if a target names the closed. */
async function tend(run: Run, head: GroupHead): Promise<GroupHead> {
  const { parts, beat, suspectsTopics } = run;
  await pullBack(run);
  const over = await closeDead(run);
  if (head.groupEpoch > head.assignmentEpoch || run.hasBumped) return head;
  const target = over.length > 0 ? await readTarget(parts.table, beat.groupId, head) : undefined;
  const named = target ? await retire(parts, beat.groupId, over, target) : [];
  const isStale = named.length > 0 || (suspectsTopics && (await topicsChanged(parts, beat.groupId, head)));
  return isStale ? bumpOnce(run) : head;
}

/** All of the watched that are closed now. */
async function closeDead({ parts, beat, ailing }: Run): Promise<Member[]> {
  const now = parts.clock.now();
  const over = ailing.filter(({ state }) => state === 'closed');
  for (const member of ailing.filter((each) => isExpired(each, now))) {
    const end = closed(member);
    if (await putMember(parts, beat.groupId, member, end)) over.push(end);
  }
  return over;
}

/** The lease of who renewed it by a clock that was far ahead, and died, would outlive it. */
async function pullBack({ parts, beat, ailing, ownClock }: Run): Promise<void> {
  const moment = momentOf(parts, ownClock);
  for (const member of ailing.filter((each) => isFromTheFuture(each, moment)))
    await putMember(parts, beat.groupId, member, next(member, { renewedMs: moment.latestMs }));
}
