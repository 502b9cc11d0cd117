// Reads, creates, raises and installs group heads. The first join or commit creates a group, and lists it in the same
// step. A deleted group keeps its head for a week, so that a group that is re-created under its name goes on with
// greater epochs.

import { groupHeadKey, groupListingKey, itemVersion, topicsChangedKey } from '../../storage/keys.ts';
import {
  absent,
  all,
  below,
  type Condition,
  equals,
  exists,
  type Item,
  type Table,
  type Update,
} from '../../storage/table.ts';
import { beingChanged, type GroupContext, randomName } from '../context.ts';
import { type GroupHead, type HeadSubscription, newGroupHead, parseGroupHead, ttlOfDeleted } from './head.ts';
import { removeRest, sweepGroup } from './sweep.ts';

/** Undefined if there never was such a group, or if it was deleted. */
export async function readHead(table: Table, groupId: string): Promise<GroupHead | undefined> {
  const head = await readAnyHead(table, groupId);
  return head?.isDeleted ? undefined : head;
}

/** Returns the head of a deleted group too. */
export async function readAnyHead(table: Table, groupId: string): Promise<GroupHead | undefined> {
  const item = await table.get(groupHeadKey(groupId), { strong: true });
  return item && parseGroupHead(item);
}

/** Requires that the group was neither deleted nor re-created since the head was read. */
export const isSameLife = ({ createdMs }: GroupHead): Condition => all(equals('cr', createdMs), absent('de'));

/**
 * Creates the group if it does not exist. The leftovers of a deleted group are removed first: otherwise they would come
 * back with the new one.
 */
export async function openHead(context: GroupContext, groupId: string): Promise<GroupHead> {
  for (let look = 0; look < 3; look++) {
    const head = await readAnyHead(context.table, groupId);
    if (head && !head.isDeleted) return head;
    if (head) await sweepGroup(context, groupId, head.groupEpoch);
    else await removeRest(context, groupId);
    await makeGroup(context, groupId, head);
  }
  throw beingChanged(groupId);
}

/** The table refuses this if another process has created the group meanwhile. The next look finds that group. */
async function makeGroup(
  { table, clock }: GroupContext,
  groupId: string,
  deleted: GroupHead | undefined,
): Promise<void> {
  const key = groupHeadKey(groupId);
  const now = clock.now();
  const set = [['cr', now] as const, ['es', now] as const];
  const revival: Update = { set, add: [['ge', 1]], remove: ['de', 'ttl'] };
  await table.transact(
    [
      deleted
        ? { kind: 'update', key, update: revival, if: all(exists('de'), equals('ge', deleted.groupEpoch)) }
        : { kind: 'put', item: newGroupHead(groupId, now), if: absent('v') },
      { kind: 'put', item: { ...groupListingKey(groupId), v: itemVersion } },
    ],
    randomName(clock),
  );
}

/**
 * Commits without membership leave the epoch as it is. So a process that wants to delete a group because it has no
 * offsets sets a mark first, and then looks for offsets again. Such a commit removes the mark.
 */
export async function markExpiring({ table }: GroupContext, groupId: string, head: GroupHead): Promise<boolean> {
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { set: [['ex', 1]] },
    if: all(equals('ge', head.groupEpoch), absent('de')),
  });
  return result.applied;
}

export const notExpiring: Condition = absent('ex');

/** False if the group was deleted. */
export async function unmarkExpiring({ table }: GroupContext, groupId: string): Promise<boolean> {
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { remove: ['ex'] },
    if: all(exists('ge'), absent('de')),
  });
  return result.applied;
}

/** From this write on there is no such group. False if the head has changed since it was read. */
export async function markDeleted(
  { table }: GroupContext,
  groupId: string,
  head: GroupHead,
  why: 'asked' | 'expired',
): Promise<boolean> {
  const isAsRead = all(equals('ge', head.groupEpoch), absent('de'));
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { set: [['de', 1]], add: [['ge', 1]], remove: ['ex'] },
    if: why === 'expired' ? all(isAsRead, exists('ex')) : isAsRead,
  });
  // After a lost reply, the epoch that this write would have set is there.
  return result.applied || (result.old?.de !== undefined && result.old.ge === head.groupEpoch + 1);
}

/**
 * Takes the group off the list, once nothing else is left of it. The head stays for a while, so that a re-created group
 * goes on with greater epochs.
 */
export async function unlist({ table, clock }: GroupContext, groupId: string, groupEpoch: number): Promise<void> {
  const isStillGone = all(exists('de'), equals('ge', groupEpoch));
  await table.transact(
    [
      {
        kind: 'update',
        key: groupHeadKey(groupId),
        update: { set: [['ttl', ttlOfDeleted(clock.now())]] },
        if: isStillGone,
      },
      { kind: 'delete', key: groupListingKey(groupId) },
    ],
    randomName(clock),
  );
}

/**
 * Raises the group epoch. Every change of a group is followed by this, so a target that is computed for the new epoch
 * has seen the change. Undefined if the group was deleted, or does not meet `also`.
 */
export async function bump(
  { table }: GroupContext,
  groupId: string,
  ...also: readonly Condition[]
): Promise<GroupHead | undefined> {
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { add: [['ge', 1]] },
    if: all(exists('ge'), absent('de'), ...also),
  });
  return result.applied && result.item ? parseGroupHead(result.item) : undefined;
}

/** Requires that the group has not taken on the classic protocol, which has no targets. */
export const hasTargets: Condition = absent('ty');

/** Requires that the group has no subscription, whose runs own its partitions. */
export const hasNoSubscription: Condition = absent('su');

/** Requires that the subscription was neither paused nor resumed since it was seen. */
export const subscriptionAsSeen = ({ id, changes }: Pick<HeadSubscription, 'id' | 'changes'>): Condition =>
  all(equals('su', id), changes === 0 ? absent('sn') : equals('sn', changes));

export type Installation = {
  readonly epoch: number;
  readonly nonce: string;
  readonly assignor: string;
  readonly digest: string;
  readonly catalogue: number;
  readonly isEmpty: boolean;
};

/**
 * Installs a target, only forwards: if two processes have computed one, the later epoch wins, and for one epoch the
 * first. Returns the head as it is afterwards; undefined if the group was deleted.
 */
export async function install(
  { table, clock }: GroupContext,
  groupId: string,
  target: Installation,
): Promise<GroupHead | undefined> {
  const isNewer = below('ae', target.epoch);
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: {
      set: [
        ['ae', target.epoch],
        ['tn', target.nonce],
        ['as', target.assignor],
        ['dg', target.digest],
        ['ca', target.catalogue],
      ],
      ...(target.isEmpty ? { setIfAbsent: [['es', clock.now()]] } : { remove: ['es'] }),
    },
    if: all(isNewer, hasTargets, hasNoSubscription, absent('de')),
  });
  const item: Item | undefined = result.applied ? result.item : result.old;
  const head = item && parseGroupHead(item);
  return head?.isDeleted ? undefined : head;
}

/** Records that the target still holds, because none of its topics has changed. */
export async function confirmCatalogue(
  { table }: GroupContext,
  groupId: string,
  head: GroupHead,
  catalogue: number,
): Promise<void> {
  await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { set: [['ca', catalogue]] },
    if: all(equals('ae', head.assignmentEpoch), below('ca', catalogue), absent('de')),
  });
}

/** Reads the counter of topic changes. Topics that are read after it are at least as new as the counter. */
export async function readCatalogue(table: Table, strong: boolean): Promise<number> {
  const item = await table.get(topicsChangedKey, { strong });
  return (item?.n as number | undefined) ?? 0;
}
