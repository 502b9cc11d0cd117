// Reading, making, raising and installing of group heads. Groups are made by their first join or commit, and listed in the
// same step; a deleted one keeps its head for a week, so that a group of the same name goes on with greater epochs.

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
import { type GroupHead, newGroupHead, parseGroupHead, ttlOfDeleted } from './head.ts';
import { removeRest, sweepGroup } from './sweep.ts';

/** Undefined: there never was such a group, or it was deleted. */
export async function readHead(table: Table, groupId: string): Promise<GroupHead | undefined> {
  const head = await readAnyHead(table, groupId);
  return head?.isDeleted ? undefined : head;
}

/** A deleted one too. */
export async function readAnyHead(table: Table, groupId: string): Promise<GroupHead | undefined> {
  const item = await table.get(groupHeadKey(groupId), { strong: true });
  return item && parseGroupHead(item);
}

/** That the group was not deleted since, nor made anew. */
export const isSameLife = ({ createdMs }: GroupHead): Condition => all(equals('cr', createdMs), absent('de'));

/** Makes the group if it is not there. What a deleted one left behind goes first: it would come back with it. */
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

/** Refused when another has made it meanwhile: the next look finds it. */
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
 * Commits without membership leave the epoch as it is: whoever wants to delete for want of them says so first, and looks
 * again. They take the mark away.
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

/** False when the group was deleted. */
export async function unmarkExpiring({ table }: GroupContext, groupId: string): Promise<boolean> {
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { remove: ['ex'] },
    if: all(exists('ge'), absent('de')),
  });
  return result.applied;
}

/** From now on there is no such group. False when the head has changed since it was read. */
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
  // A lost reply: the epoch it would have written is there.
  return result.applied || (result.old?.de !== undefined && result.old.ge === head.groupEpoch + 1);
}

/** Once nothing is left of it. The head stays for a while, so that a group made anew goes on with greater epochs. */
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

/** Every change is followed by one: a target computed for the new epoch has seen it. Undefined when the group was deleted. */
export async function bump({ table }: GroupContext, groupId: string): Promise<GroupHead | undefined> {
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(groupId),
    update: { add: [['ge', 1]] },
    if: all(exists('ge'), absent('de')),
  });
  return result.applied && result.item ? parseGroupHead(result.item) : undefined;
}

export type Installation = {
  readonly epoch: number;
  readonly nonce: string;
  readonly assignor: string;
  readonly digest: string;
  readonly catalogue: number;
  readonly isEmpty: boolean;
};

/** Only forwards: of two that computed, one installs. The head as it is afterwards; undefined when the group was deleted. */
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
    if: all(isNewer, absent('de')),
  });
  const item: Item | undefined = result.applied ? result.item : result.old;
  const head = item && parseGroupHead(item);
  return head?.isDeleted ? undefined : head;
}

/** The target stands, for none of its topics has changed. */
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

/** The counter of topic changes: what is read of topics after it is at least as new. */
export async function readCatalogue(table: Table, strong: boolean): Promise<number> {
  const item = await table.get(topicsChangedKey, { strong });
  return (item?.n as number | undefined) ?? 0;
}
