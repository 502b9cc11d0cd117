// The flag on the heads of a topic that has subscriptions. In AWS only appends to flagged heads reach the router. The flag is
// the topic's revision, so that the last deletion does not take away the flag of a creation that came after it.
import { emptyHeadItem } from '../../partition/head.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import {
  groupIdOf,
  headKey,
  itemVersion,
  topicKey,
  topicSubscriptionKey,
  topicSubscriptionsPartition,
} from '../../storage/keys.ts';
import { readAll } from '../../storage/read-all.ts';
import { absent, all, any, atMost, below, equals, exists, type Table } from '../../storage/table.ts';
import { allPartitions } from '../../topic/partitions.ts';
import { parseTopic, type Topic } from '../../topic/topics.ts';
import type { Subscription } from './subscription.ts';

const headsAtOnce = 64;

/** An entry of the list. */
export type Listing = Pick<Subscription, 'id' | 'topic' | 'topicId' | 'groupId'>;

/** Lists first, then marks the topic, and then flags the heads. Undefined if the topic was deleted. */
export async function flag(
  table: Table,
  { topic, topicId, groupId, id, epoch }: Subscription,
): Promise<Topic | undefined> {
  const entry = { ...topicSubscriptionKey(topicId, groupId), v: itemVersion, su: id, ep: epoch };
  // An earlier creation that comes late must not take the place of a later one.
  const notOlder = any(absent('ep'), atMost('ep', epoch));
  await table.write({ kind: 'put', item: entry, if: notOlder });
  const isSameTopic = equals('id', topicId);
  const result = await table.write({
    kind: 'update',
    key: topicKey(topic),
    update: { set: [['pu', 1]], add: [['revision', 1]] },
    if: isSameTopic,
  });
  if (!result.applied || !result.item) return undefined;
  const marked = parseTopic(result.item);
  await inParallel(allPartitions(marked), headsAtOnce, (partition) => flagHead(table, marked, partition));
  return marked;
}

/** Makes a head that is missing. */
async function flagHead(table: Table, { topicId, revision }: Topic, partition: number): Promise<void> {
  const key = headKey(topicId, partition);
  const { pk: _pk, sk: _sk, ...rest } = emptyHeadItem(key, 0);
  const isNewer = any(absent('f'), below('f', revision));
  const update = { set: [['f', revision] as const], setIfAbsent: Object.entries(rest) };
  await table.write({ kind: 'update', key, update, if: isNewer });
}

/** Takes the subscription off the list, and the flags off the heads if it was the topic's last one. */
export async function unflag(table: Table, { id, topic, topicId, groupId }: Listing): Promise<void> {
  // The group may have another subscription by now.
  const isOfThis = equals('su', id);
  await table.write({ kind: 'delete', key: topicSubscriptionKey(topicId, groupId), if: isOfThis });
  const item = await table.get(topicKey(topic), { strong: true });
  if (item?.id !== topicId) return;
  const read = parseTopic(item);
  if ((await listedFor(table, read)).length > 0) return;
  const isAsRead = equals('revision', read.revision);
  const result = await table.write({
    kind: 'update',
    key: topicKey(topic),
    update: { remove: ['pu'], add: [['revision', 1]] },
    if: all(equals('id', topicId), isAsRead),
  });
  if (!result.applied || !result.item) return;
  const { revision } = parseTopic(result.item);
  const isOlder = all(exists('v'), below('f', revision));
  await inParallel(allPartitions(read), headsAtOnce, async (partition) => {
    await table.write({ kind: 'update', key: headKey(topicId, partition), update: { remove: ['f'] }, if: isOlder });
  });
}

/** A creation or a deletion that died may have left an entry without a subscription. */
export async function listedFor(
  table: Table,
  { topic, topicId }: Pick<Topic, 'topic' | 'topicId'>,
): Promise<Listing[]> {
  const items = await readAll(table, { pk: topicSubscriptionsPartition(topicId), strong: true });
  return items.map((item) => ({ topic, topicId, groupId: groupIdOf(item), id: item.su as string }));
}
