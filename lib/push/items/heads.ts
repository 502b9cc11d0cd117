// The writes of a group's head that make, pause, resume and end its subscription. Each requires the very subscription that the
// caller has read, so a request that comes late changes nothing of a later one.
import { creating, type GroupHead, type HeadSubscription } from '../../group/items/head.ts';
import { hasNoSubscription, isSameLife, subscriptionAsSeen } from '../../group/items/heads.ts';
import { groupHeadKey, itemVersion, subscriptionKey } from '../../storage/keys.ts';
import {
  above,
  absent,
  all,
  any,
  type Condition,
  equals,
  type Item,
  type Table,
  type Update,
  type Write,
} from '../../storage/table.ts';
import { type Subscription, subscriptionItem } from './subscription.ts';

const classicAttributes = ['ty', 'ps', 'rd', 'gn', 'ro', 'an', 'ld', 'pt', 'pn', 'dl'];

/**
 * The group takes on the subscription, and lets go of the classic protocol. The members were looked at after the head was
 * read: a member that has joined since has raised the epoch.
 */
export function beginSubscription(head: GroupHead, subscription: Subscription): Write[] {
  const isAsBeforeTheLook = equals('ge', head.groupEpoch);
  const update: Update = {
    set: [
      ['v', itemVersion],
      ['su', subscription.id],
      ['sp', creating],
    ],
    add: [['ge', 1]],
    remove: ['ex', 'sn', 'sr', ...classicAttributes],
  };
  const condition = all(isAsBeforeTheLook, hasNoSubscription, isSameLife(head));
  return [
    { kind: 'update', key: groupHeadKey(subscription.groupId), update, if: condition },
    { kind: 'put', item: subscriptionItem(subscription) },
  ];
}

const isOfSubscription = ({ id }: Pick<Subscription, 'id'>): Condition => equals('su', id);

/** A pause that comes hours late must not undo a resumption that was answered meanwhile, nor the reverse. */
export type Seen = Pick<Subscription, 'groupId' | 'id'> & Pick<HeadSubscription, 'changes'>;

/** Undefined as the reason resumes. False if the subscription was deleted, or was paused or resumed since it was seen. */
export async function setPaused(
  table: Table,
  seen: Seen,
  paused: string | undefined,
  ...also: readonly Condition[]
): Promise<boolean> {
  const isAsSeen = subscriptionAsSeen(seen);
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(seen.groupId),
    update: { add: [['sn', 1]], ...(paused === undefined ? { remove: ['sp'] } : { set: [['sp', paused]] }) },
    if: all(isAsSeen, ...also),
  });
  return result.applied || (result.doubtful === true && hasLanded(result.old, seen, paused));
}

const hasLanded = (old: Item | undefined, { id, changes }: Seen, paused: string | undefined): boolean =>
  old?.su === id && old.sn === changes + 1 && old.sp === paused;

export const isCreating: Condition = equals('sp', creating);
/** The letter of a pause is above the one of a creation. */
export const notCreating: Condition = any(absent('sp'), above('sp', creating));

/** From here on members may join. False if the subscription was deleted already. */
export async function endSubscription(table: Table, subscription: Subscription): Promise<boolean> {
  const result = await table.write({
    kind: 'update',
    key: groupHeadKey(subscription.groupId),
    update: { remove: ['su', 'sp', 'sn', 'sr'], add: [['ge', 1]] },
    if: isOfSubscription(subscription),
  });
  return result.applied;
}

export async function removeSettings(table: Table, { groupId, id }: Subscription): Promise<void> {
  await table.write({ kind: 'delete', key: subscriptionKey(groupId), if: equals('su', id) });
}
