// Reads and writes member items. Each member also watches the members behind it in the order of their ids: so the
// living notice the dead, at half a read unit for each heartbeat.
import { inParallel } from '../../runtime/concurrency.ts';
import {
  groupHeadKey,
  groupPartition,
  instanceKey,
  instancePrefix,
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
  type Write,
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

/** Returns all members, including tombstones. */
export async function readMembers(table: Table, groupId: string, strong = true): Promise<Member[]> {
  const range = { pk: groupPartition(groupId), from: memberPrefix, through: lastMemberKey };
  return (await readAll(table, { ...range, strong })).map(parseMember);
}

/** Reads the head, even that of a deleted group, the holders of instance ids, and all members in one range. */
export async function readGroup(table: Table, groupId: string) {
  const { pk, sk: headKey } = groupHeadKey(groupId);
  const items = await readAll(table, { pk, from: headKey, through: lastMemberKey, strong: true });
  const head = items.find(({ sk }) => sk === headKey);
  const instances = items
    .filter(isInstanceItem)
    .map(({ sk, m }) => [sk.slice(instancePrefix.length), m as string] as const);
  return {
    head: head && parseGroupHead(head),
    instances: new Map(instances),
    members: items.filter(isMemberItem).map(parseMember),
  };
}

const isMemberItem = ({ sk }: Item): boolean => sk.startsWith(memberPrefix);
const isInstanceItem = ({ sk }: Item): boolean => sk.startsWith(instancePrefix);

export async function readInstance(table: Table, groupId: string, instanceId: string): Promise<string | undefined> {
  const item = await table.get(instanceKey(groupId, instanceId), { strong: true });
  return item?.m as string | undefined;
}

/** False if the item is no longer as it was read. */
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

/** Tells whether an earlier try of a write, whose answer was lost, has landed. */
function isSameItem(old: Item | undefined, item: Item): boolean {
  if (!old || Object.keys(old).length !== Object.keys(item).length) return false;
  return Object.entries(item).every(([name, value]) => plain(old[name]) === plain(value));
}

const plain = (value: Value | undefined): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64') : JSON.stringify(value ?? null);

/**
 * In one transaction the instance id changes hands, its last holder is retired, the new member is put, and `also` is
 * written.
 */
export async function takeOver(
  { table, clock }: GroupContext,
  groupId: string,
  change: { member: Member; before: Member | undefined; holder: Member | undefined; heldBy: string | undefined },
  ...also: readonly Write[]
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
      ...also,
    ],
    randomName(clock),
  );
  return result.applied;
}

/**
 * Retires members that the target no longer names, and members whose instance id belongs to another, and leaves
 * tombstones. It retires only these: a closed member that the target names must be found by the next process, so that a
 * new target is computed. Returns the members that are still named.
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
  /**
   * The members between this one and the next healthy one that need attention: they are dead, closed, or renewed by a
   * clock far ahead.
   */
  readonly ailing: readonly Member[];
  /** No healthy member follows this one in the order. So this one also looks whether topics have changed. */
  readonly isLast: boolean;
};

/**
 * How many items the first query takes: the head and some members. The subscription and the partitions of a member make
 * its item some hundred bytes, or some thousand, so the number is small.
 */
const firstPage = 7;
/**
 * The next member is mostly healthy. If some members are dead, or tombstones, more are likely to follow, so each query
 * takes in more than the last one.
 */
const windows = { first: 2, growth: 4, most: 100 };

/**
 * The reads are eventual. The first page of the group has its head and its first members. It costs half a read unit,
 * and a small group is all in it. In a larger group a query of the members from this one on costs half a unit more. The
 * member that follows the last one is in the first page, if the instance ids, which lie before the members, leave room
 * for it.
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

/**
 * Yields this member first, then those behind it, then those from the beginning up to it. It does not read again what
 * `first` has.
 */
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

/**
 * `nowMs` is the time by the gateway's clock, if a request gives it. `latestMs` is the later of that and our own clock,
 * which may be ahead of it.
 */
export type Moment = { readonly nowMs: number; readonly latestMs: number };

/** True if the member was renewed by a clock far ahead of ours: the lease would outlive the member. */
export const isFromTheFuture = (member: Member, { latestMs }: Moment): boolean =>
  isLiving(member) && member.renewedMs > latestMs + clockSkewMs;

const isSick = (member: Member, now: Moment) => isExpired(member, now.nowMs) || isFromTheFuture(member, now);
/** A healthy member watches the next ones in its turn. A member that is away does not. */
const isHealthy = (member: Member, now: Moment) => member.state === 'open' && !isSick(member, now);
const isAiling = (member: Member, now: Moment) => member.state === 'closed' || isSick(member, now);
