// Deletes a subscription. From the first write on no run begins a batch, and members may join. Offsets stay. A deletion that dies
// later leaves its settings and its entry in the list, which the next deletion or the hourly net removes.

import type { SubscriptionRef } from '../../api/push.ts';
import { checkGroupId } from '../../group/names.ts';
import { subscriptionKey } from '../../storage/keys.ts';
import { type PushContext, unknownSubscription } from '../context.ts';
import { unflag } from '../items/flag.ts';
import { endSubscription, removeSettings } from '../items/heads.ts';
import { parseSubscription, type Subscription } from '../items/subscription.ts';

/** It finishes a deletion that died, and also works when the topic is gone. */
export async function deleteSubscription(context: PushContext, { topic, groupId }: SubscriptionRef): Promise<void> {
  checkGroupId(groupId);
  const item = await context.table.get(subscriptionKey(groupId), { strong: true });
  const found = item && parseSubscription(groupId, item);
  if (found?.topic !== topic) throw unknownSubscription(topic, groupId);
  await removeSubscription(context, found);
}

/** The settings go last, because they say what is left to be done. */
export async function removeSubscription(context: PushContext, subscription: Subscription): Promise<void> {
  const { table } = context;
  await endSubscription(table, subscription);
  await unflag(table, subscription);
  await removeSettings(table, subscription);
  context.onSubscriptions?.(subscription.topicId);
}
