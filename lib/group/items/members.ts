// Reading and writing of member items, and the watch that each member keeps over those behind it in the order of their
// ids: so the dead are noticed by the living, at half a read unit a heartbeat.
import { inParallel } from '../../runtime/concurrency.ts';
import {
  groupHeadKey,
  groupPartition,
  instanceKey,
  itemVersion,
  lastMemberKey,
  memberKey,
  memberPrefix,
} from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import {
  absent,
  type Condition,
  equals,
  type Item,
  type ItemPage,
  type Query,
  type Table,
  type Value,
} from '../../storage/table.ts';
import { type GroupContext, randomName } from '../context.ts';
import { type GroupHead, parseGroupHead } from './head.ts';
import {
  asRead,
  clockSkewMs,
  isExpired,
  isLiving,
  type Member,
  memberItem,
  parseMember,
  retired,
  targetKeyOf,
} from './member.ts';
import type { InstalledTarget } from './target.ts';

export async function readMember(table: Table, groupId: string, memberId: string): Promise<Member | undefined> {
  const item = await table.get(memberKey(groupId, memberId), { strong: true });
  return item && parseMember(item);
}

/** All of them, tombstones too. */
export async function readMembers(table: Table, groupId: string, strong = true): Promise<Member[]> {
  const range = { pk: groupPartition(groupId), from: memberPrefix, through: lastMemberKey };
  return (await readAll(table, { ...range, strong })).map(parseMember);
}

/** The head, a deleted one too, and all members in one reading. */
export async function readGroup(table: Table, groupId: string) {
  const { pk, sk: headKey } = groupHeadKey(groupId);
  const items = await readAll(table, { pk, from: headKey, through: lastMemberKey, strong: true });
  const head = items.find(({ sk }) => sk === headKey);
  return { head: head && parseGroupHead(head), members: items.filter(isMemberItem).map(parseMember) };
}

const isMemberItem = ({ sk }: Item): boolean => sk.startsWith(memberPrefix);

export async function readInstance(table: Table, groupId: string, instanceId: string): Promise<string | undefined> {
  const item = await table.get(instanceKey(groupId, instanceId), { strong: true });
  return item?.m as string | undefined;
}

/** False when the item is no longer as it was read. */
export async function putMember(
  { table, clock }: GroupContext,
  groupId: string,
  before: Member | undefined,
  member: Member,
): Promise<boolean> {
  const item = memberItem(groupId, member, clock.now());
  const result = await table.write({ kind: 'put', item, if: asRead(before) });
  return result.applied || (result.doubtful === true && isSameItem(result.old, item));
}

/** Whether an earlier try of a write, which got no answer, has landed. */
function isSameItem(old: Item | undefined, item: Item): boolean {
  if (!old || Object.keys(old).length !== Object.keys(item).length) return false;
  return Object.entries(item).every(([name, value]) => plain(old[name]) === plain(value));
}

const plain = (value: Value | undefined): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64') : JSON.stringify(value ?? null);

/** In one step: the instance id changes hands, its last holder is retired, the new member is there. */
export async function takeOver(
  { table, clock }: GroupContext,
  groupId: string,
  change: { member: Member; before: Member | undefined; holder: Member | undefined; heldBy: string | undefined },
): Promise<boolean> {
  const { member, before, holder, heldBy } = change;
  const now = clock.now();
  const put = (item: Item, condition: Condition) => ({ kind: 'put', item, if: condition }) as const;
  const instance = { ...instanceKey(groupId, member.instanceId!), v: itemVersion, m: member.memberId };
  const result = await table.transact(
    [
      put(instance, heldBy === undefined ? absent('v') : equals('m', heldBy)),
      put(memberItem(groupId, member, now), asRead(before)),
      ...(holder ? [put(memberItem(groupId, retired(holder), now), asRead(holder))] : []),
    ],
    randomName(clock),
  );
  return result.applied;
}

/**
 * Those that a target names no more, and those whose instance id is another's, leave a tombstone. Only they: a closed
 * member that is named must be found by whoever comes, so that a new target is computed. Returns those that are named.
 */
export async function retire(
  context: GroupContext,
  groupId: string,
  members: readonly Member[],
  target: InstalledTarget,
): Promise<readonly Member[]> {
  const left = await inParallel(members, 16, async (member) => {
    const isNamed = target.has(targetKeyOf(member)) && (await holdsItsInstance(context.table, groupId, member));
    if (!isNamed) await putMember(context, groupId, member, retired(member));
    return isNamed;
  });
  return members.filter((_, index) => left[index]);
}

async function holdsItsInstance(table: Table, groupId: string, { memberId, instanceId }: Member): Promise<boolean> {
  return instanceId === undefined || (await readInstance(table, groupId, instanceId)) === memberId;
}

// --- the watch

export type Watch = {
  readonly head: GroupHead | undefined;
  readonly me: Member | undefined;
  /** The members between this one and the next healthy one that somebody must do something about. */
  readonly ailing: readonly Member[];
  /** No healthy member follows it in the order: it is the one that also looks whether topics have changed. */
  readonly isLast: boolean;
};

/** Head and members. What a member subscribes to and owns makes its item some hundred bytes, or some thousand: so not many. */
const firstPage = 7;
/** Mostly the next one is healthy. Behind some that are dead, or tombstones, there are likely more: each look takes in more. */
const windows = { first: 2, growth: 4, most: 100 };

/**
 * Eventual reads. The first page of the group has its head and first members: half a read unit, and all of it that a small
 * group has. In a larger one the members from this one on are half a unit more; who follows the last stands in the first page,
 * if instance ids, which lie before the members, leave it the room.
 */
export async function watch({ table }: GroupContext, groupId: string, memberId: string, now: Moment): Promise<Watch> {
  const { pk, sk } = groupHeadKey(groupId);
  const first = await table.query({ pk, from: sk, through: lastMemberKey, limit: firstPage });
  const headItem = first.items.find((item) => item.sk === sk);
  const head = headItem && parseGroupHead(headItem);
  const ailing: Member[] = [];
  let me: Member | undefined;
  for await (const { member, isWrapped } of inOrderFrom(table, groupId, memberId, first)) {
    if (member.memberId === memberId) me = member;
    else if (isHealthy(member, now)) return { head, me, ailing, isLast: isWrapped };
    else if (isAiling(member, now)) ailing.push(member);
  }
  return { head, me, ailing, isLast: true };
}

type InOrder = AsyncGenerator<{ readonly member: Member; readonly isWrapped: boolean }>;

/** Itself first, then those behind it, then from the beginning up to it. What `first` has is not read again. */
async function* inOrderFrom(table: Table, groupId: string, memberId: string, first: ItemPage): InOrder {
  const mine = memberKey(groupId, memberId).sk;
  const read = first.items.filter(isMemberItem);
  const readTo = read.at(-1)?.sk ?? memberPrefix;
  const isInFirst = !first.more || readTo >= mine;
  for (const item of read) if (item.sk >= mine) yield { member: parseMember(item), isWrapped: false };
  if (first.more)
    for await (const member of membersIn(table, groupId, { from: mine, ...(isInFirst && { after: readTo }) }))
      yield { member, isWrapped: false };
  for (const item of read) if (item.sk < mine) yield { member: parseMember(item), isWrapped: true };
  if (!isInFirst)
    for await (const member of membersIn(table, groupId, { after: readTo, through: mine }))
      yield { member, isWrapped: true };
}

async function* membersIn(
  table: Table,
  groupId: string,
  range: Pick<Query, 'from' | 'through' | 'after'>,
): AsyncGenerator<Member> {
  const all = { pk: groupPartition(groupId), from: memberPrefix, through: lastMemberKey, ...range };
  let next = { ...all, limit: windows.first };
  for (let more = true; more; ) {
    const page = await table.query(next);
    yield* page.items.map(parseMember);
    more = page.more;
    const last = page.items.at(-1);
    const limit = Math.min(next.limit * windows.growth, windows.most);
    next = { ...next, limit, ...(last && { after: last.sk }) };
  }
}

/** By the gateway's clock, where a request tells it, and by our own, which may be ahead of it: none is later. */
export type Moment = { readonly nowMs: number; readonly latestMs: number };

/** Renewed by a clock far ahead of ours: its lease would outlive it. */
export const isFromTheFuture = (member: Member, { latestMs }: Moment): boolean =>
  isLiving(member) && member.renewedMs > latestMs + clockSkewMs;

const isSick = (member: Member, now: Moment) => isExpired(member, now.nowMs) || isFromTheFuture(member, now);
/** One that watches the next ones in its turn: a member that is away does not. */
const isHealthy = (member: Member, now: Moment) => member.state === 'open' && !isSick(member, now);
const isAiling = (member: Member, now: Moment) => member.state === 'closed' || isSick(member, now);
