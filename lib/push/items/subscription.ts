// The item with the settings of a subscription, beside the head of its group. The head alone says whether the subscription
// exists: these settings count only while the head has the same id.
//
//   v version   su id of the subscription   tn name of the topic   ti id of the topic   cr created ms
//   ep epoch of the group that the creation has put into the offsets items   r revision: grows with every change
//   st settings, as JSON   sc secrets of a webhook, newest first, as JSON
import type { SigningSecret, SubscriptionSettings } from '../../api/push.ts';
import type { HeadSubscription } from '../../group/items/head.ts';
import { readHead } from '../../group/items/heads.ts';
import { checkVersion, groupHeadKey, itemVersion, subscriptionKey } from '../../storage/keys.ts';
import { all, equals, type Item, type Table, type Write } from '../../storage/table.ts';

export type Subscription = {
  readonly id: string;
  readonly groupId: string;
  readonly topic: string;
  readonly topicId: string;
  readonly createdMs: number;
  readonly epoch: number;
  readonly revision: number;
  readonly settings: SubscriptionSettings;
  readonly secrets: readonly SigningSecret[];
};

/** A subscription with what the head of its group says about it. */
export type LiveSubscription = Subscription & Pick<HeadSubscription, 'state' | 'pausedReason' | 'changes'>;

export function parseSubscription(groupId: string, item: Item): Subscription {
  checkVersion(item, 'subscription');
  return {
    groupId,
    id: item.su as string,
    topic: item.tn as string,
    topicId: item.ti as string,
    createdMs: item.cr as number,
    epoch: item.ep as number,
    revision: item.r as number,
    settings: JSON.parse(item.st as string),
    secrets: JSON.parse(item.sc as string),
  };
}

export const subscriptionItem = (subscription: Subscription): Item => ({
  ...subscriptionKey(subscription.groupId),
  v: itemVersion,
  su: subscription.id,
  tn: subscription.topic,
  ti: subscription.topicId,
  cr: subscription.createdMs,
  ep: subscription.epoch,
  r: subscription.revision,
  st: JSON.stringify(subscription.settings),
  sc: JSON.stringify(subscription.secrets),
});

/** Undefined if the group has no subscription, also where settings of a deleted one are left. */
export async function readSubscription(table: Table, groupId: string): Promise<LiveSubscription | undefined> {
  const item = await table.get(subscriptionKey(groupId), { strong: true });
  const head = await readHead(table, groupId);
  const subscription = item && parseSubscription(groupId, item);
  const live = head?.subscription;
  return subscription && live?.id === subscription.id ? { ...subscription, ...live } : undefined;
}

/**
 * One transaction that changes the settings. It requires that they are as they were read. The head tells runs of it, which read it
 * before each batch.
 */
export function changeOf(before: Subscription, changes: Pick<Partial<Subscription>, 'settings' | 'secrets'>): Write[] {
  const { groupId, id } = before;
  const revision = before.revision + 1;
  const isAsRead = all(equals('su', id), equals('r', before.revision));
  return [
    { kind: 'put', item: subscriptionItem({ ...before, ...changes, revision }), if: isAsRead },
    { kind: 'update', key: groupHeadKey(groupId), update: { set: [['sr', revision]] }, if: equals('su', id) },
  ];
}
