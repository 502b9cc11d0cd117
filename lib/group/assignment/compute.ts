// Computes the target of a group. Any process may do so at any time, and several may do so at the same time; one of
// them installs its target. The input is read after the epoch that the target is for, so the target has seen every
// change that was followed by a raised epoch.

import { createHash } from 'node:crypto';
import { RivuletError } from '../../api/errors.ts';
import type { Assignor } from '../../api/groups.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { targetKey } from '../../storage/keys.ts';
import { absent } from '../../storage/table.ts';
import { readTopicAgain } from '../../topic/current.ts';
import { beingChanged, type GroupContext, randomName } from '../context.ts';
import type { GroupHead } from '../items/head.ts';
import { bump, confirmCatalogue, install, readCatalogue } from '../items/heads.ts';
import { closed, isExpired, isLiving, type Member, targetKeyOf } from '../items/member.ts';
import { putMember, readMembers, retire } from '../items/members.ts';
import type { Target } from '../items/target.ts';
import { checkTargetFits, type InstalledTarget, readTarget, targetItem } from '../items/target.ts';
import { assign } from './assign.ts';
import type { AssignableTopic, Subscriber } from './problem.ts';
import { topicIdsOf } from './subscription.ts';

/**
 * Installs a target for the head's group epoch, or finds that another process did. It closes members whose session is
 * over, and retires closed members that the target does not name. `alive` is the member whose heartbeat this is: it is
 * not closed, however old its lease is.
 */
export async function computeTarget(
  context: GroupContext,
  groupId: string,
  head: GroupHead,
  alive?: string,
): Promise<GroupHead> {
  const { living, over } = await closeExpired(context, groupId, await readMembers(context.table, groupId), alive);
  const world = await readTopics(context, living);
  const current = (await readTarget(context.table, groupId, head)) ?? ownedBy(living);
  const { assignor, target } = assignedTo(living, world.topics, current);
  checkTargetFits(groupId, target, 'unknown');
  const nonce = randomName(context.clock);
  const epoch = head.groupEpoch;
  await context.table.write({ kind: 'put', item: targetItem(groupId, epoch, nonce, target), if: absent('v') });
  const { digest, catalogue } = world;
  const installed = await install(context, groupId, {
    epoch,
    nonce,
    assignor,
    digest,
    catalogue,
    isEmpty: living.length === 0,
  });
  if (!installed) throw beingChanged(groupId);
  await retire(
    context,
    groupId,
    over,
    installed.nonce === nonce ? namesOf(target) : await targetNow(context, groupId, installed),
  );
  await forgetTarget(context, groupId, installed.nonce === nonce ? head : { assignmentEpoch: epoch, nonce });
  return installed;
}

/**
 * For operations that need a group without members. Dead members are closed first: if no member is left to notice them,
 * only maintenance would do it.
 * @returns the members as they are then.
 */
export async function closeTheDead(context: GroupContext, groupId: string): Promise<Member[]> {
  const members = await readMembers(context.table, groupId);
  const others = members.filter((member) => !isExpired(member, context.clock.now()));
  if (others.length === members.length) return members;
  const head = await bump(context, groupId);
  // A member that joined while the group was deleted, and then died, has no group that could close it.
  if (!head) return others;
  const hasNoTarget = head.classic !== undefined || head.subscription !== undefined;
  if (hasNoTarget) await closeExpired(context, groupId, members, undefined);
  else await computeTarget(context, groupId, head);
  return readMembers(context.table, groupId);
}

const namesOf = (target: Target): InstalledTarget => target;

async function targetNow({ table }: GroupContext, groupId: string, head: GroupHead): Promise<InstalledTarget> {
  const target = await readTarget(table, groupId, head);
  if (!target) throw beingChanged(groupId);
  return target;
}

/**
 * Removes the target that was replaced, or our own if another process installed one. A crash here leaves garbage until
 * maintenance removes it.
 */
async function forgetTarget(
  { table }: GroupContext,
  groupId: string,
  { assignmentEpoch, nonce }: Pick<GroupHead, 'assignmentEpoch' | 'nonce'>,
): Promise<void> {
  if (nonce !== undefined) await table.write({ kind: 'delete', key: targetKey(groupId, assignmentEpoch, nonce) });
}

async function closeExpired(
  context: GroupContext,
  groupId: string,
  members: readonly Member[],
  alive: string | undefined,
) {
  const now = context.clock.now();
  const checked = await inParallel(members, 16, async (member) => {
    if (!isExpired(member, now) || member.memberId === alive) return member;
    const end = closed(member);
    return (await putMember(context, groupId, member, end)) ? end : member;
  });
  return {
    living: oneByKey(checked.filter(isLiving)),
    over: checked.filter(({ state }) => state === 'closed'),
  };
}

/**
 * A query is no snapshot: it may return the member that took over an instance id together with the one that had it
 * before.
 */
function oneByKey(members: readonly Member[]): Member[] {
  const byKey = new Map<string, Member>();
  for (const member of members) {
    const other = byKey.get(targetKeyOf(member));
    if (!other || (other.state === 'away' && member.state === 'open')) byKey.set(targetKeyOf(member), member);
  }
  return [...byKey.values()];
}

export function assignedTo(members: readonly Member[], topics: readonly AssignableTopic[], current: Target) {
  const assignor = preferredAssignor(members);
  return { assignor, target: assign(assignor, subscribersOf(members, topics), topics, current) };
}

const subscribersOf = (members: readonly Member[], topics: readonly AssignableTopic[]): Subscriber[] =>
  members.map((member) => ({
    key: targetKeyOf(member),
    topicIds: topicIdsOf(member.subscription, topics),
    ...(member.instanceId !== undefined && { instanceId: member.instanceId }),
  }));

const ownedBy = (members: readonly Member[]): Target =>
  new Map(members.map((member) => [targetKeyOf(member), member.owned]));

/** Returns the assignor that most members ask for; uniform if the votes are even, or if no member asks for one. */
function preferredAssignor(members: readonly Member[]): Assignor {
  const votes = (name: Assignor) => members.filter(({ subscription }) => subscription.assignor === name).length;
  return votes('range') > votes('uniform') ? 'range' : 'uniform';
}

// --- topics

type TopicWorld = {
  readonly topics: readonly AssignableTopic[];
  /** It stays the same while the same topics have the same partitions. */
  readonly digest: string;
  readonly catalogue: number;
};

/** Reads the number of the catalogue before the topics, so the topics are at least as new as that number. */
export async function readTopics(context: GroupContext, members: readonly Member[]): Promise<TopicWorld> {
  const catalogue = await readCatalogue(context.table, true);
  const all = await offeredTopics(context, members);
  const wanted = new Set(members.flatMap(({ subscription }) => topicIdsOf(subscription, all)));
  const topics = all
    .filter(({ topicId }) => wanted.has(topicId))
    .sort((a, b) => (a.topicId < b.topicId ? -1 : 1))
    .map(({ topic, topicId, partitions }) => ({ topic, topicId, partitions }));
  const digest = createHash('sha256').update(JSON.stringify(topics)).digest('base64url').slice(0, 16);
  return { topics, digest, catalogue };
}

/** With more names than this, it is cheaper to list all topics. */
const namesLookedUp = 20;

async function offeredTopics({ topics }: GroupContext, members: readonly Member[]): Promise<AssignableTopic[]> {
  const names = new Set(members.flatMap(({ subscription }) => subscription.topics));
  const listsAll = names.size > namesLookedUp || members.some(({ subscription }) => subscription.regex !== '');
  if (listsAll) return listTopics({ topics });
  const found = await inParallel([...names], 16, async (topic) => {
    return readTopicAgain(topics, { topic }).catch((error) => {
      if (error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
      throw error;
    });
  });
  return found.filter((topic) => topic !== undefined);
}

async function listTopics({ topics }: Pick<GroupContext, 'topics'>): Promise<AssignableTopic[]> {
  const found: AssignableTopic[] = [];
  for (let after: string | undefined; ; ) {
    const page = await topics.list({ limit: 1000, ...(after !== undefined && { after }) });
    found.push(...page.topics);
    if (!page.more) return found;
    after = page.topics.at(-1)!.topic;
  }
}

/** Tells whether a change of the catalogue since the target was computed concerns this group. */
export async function topicsChanged(context: GroupContext, groupId: string, head: GroupHead): Promise<boolean> {
  const living = (await readMembers(context.table, groupId)).filter(isLiving);
  const { digest, catalogue } = await readTopics(context, living);
  if (digest !== head.digest) return true;
  await confirmCatalogue(context, groupId, head, catalogue);
  return false;
}
