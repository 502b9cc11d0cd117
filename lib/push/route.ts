// Finds the subscriptions that an append is for. In AWS the stream of the table brings the append: the newest head of a
// partition whose topic has subscriptions.
//
// Invariant: an append is passed over only where it is delivered already, or where a run is at work that looks again before it
// ends. So everything is read strongly: with an old copy, the append would wait for the next one.
import { hasLiveLease, ownershipOf } from '../group/items/ownership.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { groupIdOf, groupOffsetsKey, topicSubscriptionsPartition } from '../storage/keys.ts';
import { readAll } from '../storage/read-all.ts';
import type { PushContext } from './context.ts';
import { newInvocation } from './lifecycle/look.ts';
import { readSettings } from './run/take.ts';

/** `next` is the offset behind the last record. */
export type Appended = { readonly topicId: string; readonly partition: number; readonly next: number };

type RouteContext = Pick<PushContext, 'table' | 'clock' | 'invoke'>;

const groupsAtOnce = 16;

/** Invokes the dispatcher once for each subscription that has not got all records. Returns for how many it did. */
export async function route(context: RouteContext, appended: Appended): Promise<number> {
  const pk = topicSubscriptionsPartition(appended.topicId);
  const listed = await readAll(context.table, { pk, strong: true });
  const routed = await inParallel(listed, groupsAtOnce, (item) => routeTo(context, appended, groupIdOf(item)));
  return routed.filter(Boolean).length;
}

async function routeTo(context: RouteContext, { topicId, partition, next }: Appended, groupId: string): Promise<boolean> {
  const { table, clock, invoke } = context;
  const item = await table.get(groupOffsetsKey(groupId, topicId, partition), { strong: true });
  const ownership = ownershipOf(item, partition);
  const isDelivered = (ownership.offset ?? 0) >= next;
  if (isDelivered || hasLiveLease(ownership, clock.now())) return false;
  // Only the first item of a topic's new partitions is missing.
  const topic = (item?.n as string | undefined) ?? (await readSettings(table, groupId))?.topic;
  if (topic === undefined) return false;
  await invoke(newInvocation(context, { topic, topicId, groupId }, partition));
  return true;
}
