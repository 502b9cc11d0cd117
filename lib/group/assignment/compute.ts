// Computing the target of a group: anyone may, at any time, several at once; one of them installs. What it is computed
// from is read after the epoch it is for, so every change that was followed by a bump is in it.
import { createHash } from 'node:crypto';
import { RivuletError } from '../../api/errors.ts';
import type { Assignor } from '../../api/groups.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { targetKey } from '../../storage/keys.ts';
import { absent } from '../../storage/table.ts';
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
 * Installs a target for the head's group epoch, or finds that another did. Closes the dead, retires who is not named.
 * `alive` is who has just been heard of, however old its lease is.
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
 * For who asks whether there are members: the dead are closed first, though nobody is left to notice them before maintenance does.
 * @returns the members as they are then.
 */
export async function closeTheDead(context: GroupContext, groupId: string): Promise<Member[]> {
  const members = await readMembers(context.table, groupId);
  const others = members.filter((member) => !isExpired(member, context.clock.now()));
  if (others.length === members.length) return members;
  const head = await bump(context, groupId);
  // Who joined while the group was deleted, and died, has no group that could close it.
  if (!head) return others;
  await computeTarget(context, groupId, head);
  return readMembers(context.table, groupId);
}

const namesOf = (target: Target): InstalledTarget => target;

async function targetNow({ table }: GroupContext, groupId: string, head: GroupHead): Promise<InstalledTarget> {
  const target = await readTarget(table, groupId, head);
  if (!target) throw beingChanged(groupId);
  return target;
}

/** The one that was replaced, or our own if another's was installed. Who dies here leaves garbage until the group goes. */
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

/** A query is no snapshot: it may see who took over an instance id and who had it before. */
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

/** What most members ask for; uniform when they are even, or ask for nothing. */
function preferredAssignor(members: readonly Member[]): Assignor {
  const votes = (name: Assignor) => members.filter(({ subscription }) => subscription.assignor === name).length;
  return votes('range') > votes('uniform') ? 'range' : 'uniform';
}

// --- topics

type TopicWorld = {
  readonly topics: readonly AssignableTopic[];
  /** The same while the same topics have the same partitions. */
  readonly digest: string;
  readonly catalogue: number;
};

/** The catalogue's number first: the topics are at least as new. */
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

/** Above so many names it is cheaper to list all topics. */
const namesLookedUp = 20;

async function offeredTopics({ topics }: GroupContext, members: readonly Member[]): Promise<AssignableTopic[]> {
  const names = new Set(members.flatMap(({ subscription }) => subscription.topics));
  const listsAll = names.size > namesLookedUp || members.some(({ subscription }) => subscription.regex !== '');
  if (listsAll) return listTopics({ topics });
  const found = await inParallel([...names], 16, async (topic) => {
    topics.forget(topic);
    return topics.resolve({ topic }).catch((error) => {
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

/** The catalogue has changed since the target was computed: whether that concerns this group. */
export async function topicsChanged(context: GroupContext, groupId: string, head: GroupHead): Promise<boolean> {
  const living = (await readMembers(context.table, groupId)).filter(isLiving);
  const { digest, catalogue } = await readTopics(context, living);
  if (digest !== head.digest) return true;
  await confirmCatalogue(context, groupId, head, catalogue);
  return false;
}
