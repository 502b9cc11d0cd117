// All stored things in one place: each item of the table and each object, with its key, its meaning and its lifetime.
// The table's key schema never changes: `pk` and `sk` strings, `ttl` number, no indexes. Everything is keyed by the
// topic's id, so a topic that is re-created under an old name shares nothing with the old one.
//
//   pk                        sk                 meaning                       lives
//   topic                     name, . as _       a topic                       until deleted
//   deleted                   topic id           tombstone of a topic          until maintenance has swept it, and two days
//   <topic id>/<p>            h                  head of a partition           as the topic; fenced for ever after
//   <topic id>/<p>/p          first offset       index page, immutable         until its producers have expired
//   <topic id>/<p>/l          first offset       log item: a log segment       until retention or a rewrite
//   <topic id>/<p>/l          u                  maintenance of the partition  as the topic
//   inline/<2 hex>            <epoch 6 hex>/<topic id>/<p>/<random 16 hex>
//                                                a small append                until it is merged, or nothing names it
//   maintenance               begun              when maintenance first ran    for ever
//   maintenance               topic id, or *     the last pass that was asked for   as the topic; * for ever
//   producer-ids              next               the counter of producer ids   for ever
//   once/<topic id>           hash of the key    an Idempotency-Key            two days (ttl)
//   cluster                   id                 the id that Kafka's clients see    for ever
//   producer-ids              transactions       the counter of xids           for ever
//   txns                      transactional id   entry in the list of them     until the id expires
//   txn/<transactional id>    x                  state of the id               until it expires, and three days (ttl)
//   txn/<transactional id>/s  number, index      staged runs, immutable        until the transaction ends
//   topics-changed            n                  counter of topic changes      for ever
//   groups                    group              entry in the list of groups   as the group
//   group/<group>             h                  head of a group               until deleted, and a week (ttl)
//   group/<group>             s                  settings of its subscription  until the subscription is deleted
//   group/<group>             m/<member id>      a member                      until it retires, and a quarter hour (ttl)
//   group/<group>             i/<instance id>    the member with this id       as the group
//   group/<group>/t           epoch, nonce       target, immutable             until the next is installed
//   group/<group>/t           generation, kind   roster (r) and assignment (a) of a generation, immutable, in chunks
//   group/<group>/o           topic id, p / 16   owners and committed offsets  until they expire; buried, a week (ttl)
//   push/<topic id>           group              entry in the list of the topic's subscriptions    as the subscription
//
//   <2 hex>/<topic id>/ingest/<epoch 6 hex><random 16 hex>   ingest segment    until nothing names it
//   <2 hex>/<topic id>/log/<epoch 6 hex><random 16 hex>      log segment       until nothing names it
//   <2 hex>/<topic id>/txn/<xid 13 hex><number 12 hex><random 16 hex>
//                                                            staged segment    until nothing names it and its
//                                                                              transaction has ended
//   rivulet/table/<number 16>                                name of a table   for ever; the greatest number counts
//
// A tombstone must outlive every copy of the request that created its topic. Otherwise a delayed copy could bring the topic
// back. AWS accepts no request whose signature is older than a quarter of an hour. Two days are far above that, and above
// the error of any clock.
//
// Attribute names have one letter if the item is on the hot path, because its bytes are billed.
import type { Item, Key } from './table.ts';

/**
 * The version of the items that we write, in attribute `v`. Readers refuse a greater version. A kind of item whose meaning
 * has changed has a greater one.
 */
export const itemVersion = 1;

/** Throws for an item that a newer version of Rivulet wrote, which this one would misread. `what` names its kind. */
export function checkVersion({ pk, sk, v }: Item, what: string, newest = itemVersion): void {
  if ((v as number) > newest)
    throw new Error(`${what} ${pk} ${sk} has version ${v}: written by a newer Rivulet, so run that version`);
}

/** Names that differ only by `.` and `_` collide, as in Kafka (metric names). One key for both makes the refusal atomic. */
export const topicKey = (name: string): Key => ({ pk: 'topic', sk: name.replaceAll('.', '_') });
export const topicsPartition = 'topic';
export const tombstonesPartition = 'deleted';
export const tombstoneKey = (topicId: string): Key => ({ pk: tombstonesPartition, sk: topicId });
export const headKey = (topicId: string, partition: number): Key => ({ pk: `${topicId}/${partition}`, sk: 'h' });
/** Pages have a partition key of their own, so that they do not share the head's write budget. */
export const pagesPartition = (topicId: string, partition: number): string => `${topicId}/${partition}/p`;
/** Log items, and the item of the partition's maintenance: its sort key is above those of all log items. */
export const logItemsPartition = (topicId: string, partition: number): string => `${topicId}/${partition}/l`;
export const maintenanceKey = (topicId: string, partition: number): Key => ({
  pk: logItemsPartition(topicId, partition),
  sk: 'u',
});
/** The last pass over a topic, or over all topics. */
export const passKey = (topicId?: string): Key => ({ pk: 'maintenance', sk: topicId ?? '*' });
export const maintenanceBegunKey: Key = { pk: 'maintenance', sk: 'begun' };
export const clusterIdKey: Key = { pk: 'cluster', sk: 'id' };
export const producerIdsKey: Key = { pk: 'producer-ids', sk: 'next' };
export const idempotencyKey = (topicId: string, keyHash: string): Key => ({ pk: `once/${topicId}`, sk: keyHash });

const offsetDigits = 16;
/** Sixteen digits hold 2^53 - 1, and the padded text sorts as numbers do. */
export const offsetSortKey = (offset: number): string => String(offset).padStart(offsetDigits, '0');

/** An ingest segment holds the batches of one request, a log segment those of one partition in the order of their offsets. */
export type SegmentKind = 'ingest' | 'log';

/**
 * Two digits of the random part come first, because S3 scales by prefix. The epoch lets a sweep tell old names from new
 * ones without a clock of the store. The topic id tells it which topic's items may name the segment.
 */
export function segmentKey(kind: SegmentKind, topicId: string, epoch: number, random: Uint8Array): string {
  const randomHex = Buffer.from(random.buffer, random.byteOffset, random.length).toString('hex');
  return `${randomHex.slice(0, 2)}/${topicId}/${kind}/${epochText(epoch)}${randomHex}`;
}

const segmentName = /^([0-9a-f]{2})\/([\w-]{22})\/(ingest|log)\/([0-9a-f]{6})(\1[0-9a-f]{14})$/;

/** Reads a segment's kind, topic and age from its name alone. Returns undefined for any other name. */
export function parseSegmentKey(key: string): { kind: SegmentKind; topicId: string; epoch: number } | undefined {
  const match = segmentName.exec(key);
  return match
    ? { kind: match[3] as SegmentKind, topicId: match[2]!, epoch: Number.parseInt(match[4]!, 16) }
    : undefined;
}

/** The name of a staged segment tells its transaction, so that a sweep can ask whether that one may still name it. */
export function stagedSegmentKey(topicId: string, xid: number, number: number, random: Uint8Array): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const randomHex = Buffer.from(random.buffer, random.byteOffset, random.length).toString('hex');
  return `${randomHex.slice(0, 2)}/${topicId}/txn/${hex(xid, 13)}${hex(number, 12)}${randomHex}`;
}

const stagedSegmentName = /^([0-9a-f]{2})\/([\w-]{22})\/txn\/([0-9a-f]{13})([0-9a-f]{12})(\1[0-9a-f]{14})$/;

/** Reads a staged segment's topic and transaction from its name alone. Returns undefined for any other name. */
export function parseStagedSegmentKey(key: string): { topicId: string; xid: number; number: number } | undefined {
  const match = stagedSegmentName.exec(key);
  return match
    ? { topicId: match[2]!, xid: Number.parseInt(match[3]!, 16), number: Number.parseInt(match[4]!, 16) }
    : undefined;
}

const inlinePrefix = 'inline/';
const inlinePartition = (twoHex: string): string => `${inlinePrefix}${twoHex}`;

/**
 * The item of a small append. Two digits of the random part make 256 table partitions for all topics, so that writes
 * spread, and so that few queries list all old items. The sort key begins with the epoch, so that a query ends at one.
 */
export function inlineKey(topicId: string, partition: number, epoch: number, random: Uint8Array): Key {
  const randomHex = Buffer.from(random.buffer, random.byteOffset, random.length).toString('hex');
  return {
    pk: inlinePartition(randomHex.slice(0, 2)),
    sk: `${epochText(epoch)}/${topicId}/${partition}/${randomHex}`,
  };
}

const epochText = (epoch: number): string => epoch.toString(16).padStart(6, '0');

/** All items of small appends whose random part begins with these two digits and whose epoch is below `epoch`. */
export const inlineKeysBelow = (twoHex: string, epoch: number): { readonly pk: string; readonly through: string } => ({
  pk: inlinePartition(twoHex),
  through: epochText(epoch),
});

/** The name of an inline item: its key in one text, which no object has as its key. */
export const inlineName = ({ pk, sk }: Key): string => `${pk}/${sk}`;

const inlineNamePattern = /^(inline\/([0-9a-f]{2}))\/([0-9a-f]{6}\/([\w-]{22})\/\d+\/\2[0-9a-f]{14})$/;

/** Reads the key and the topic of an inline item from its name. Returns undefined for the key of an object. */
export function parseInlineName(name: string): { readonly key: Key; readonly topicId: string } | undefined {
  const match = inlineNamePattern.exec(name);
  return match ? { key: { pk: match[1]!, sk: match[3]! }, topicId: match[4]! } : undefined;
}

export const isInlineName = (name: string): boolean => name.startsWith(inlinePrefix);

/** The topic of an object or inline item that the index names, or that could have been named. */
export const topicIdOfName = (name: string): string =>
  (parseSegmentKey(name) ?? parseStagedSegmentKey(name) ?? parseInlineName(name))!.topicId;

/** The two digits with which the random part begins. */
export const twoHexOfName = (name: string): string =>
  isInlineName(name) ? name.slice(inlinePrefix.length, inlinePrefix.length + 2) : name.slice(0, 2);

export const xidsKey: Key = { pk: 'producer-ids', sk: 'transactions' };
export const transactionsPartition = 'txns';
export const transactionListingKey = (transactionalId: string): Key => ({
  pk: transactionsPartition,
  sk: encodeURIComponent(transactionalId),
});
export const listedTransactionalId = ({ sk }: Key): string => decodeURIComponent(sk);
/** Over Kafka's protocol an id is any text. Escaped it has no slash, so two ids never share a table partition. */
const transactionPartition = (transactionalId: string): string => `txn/${encodeURIComponent(transactionalId)}`;
export const transactionalIdOf = (pk: string): string => decodeURIComponent(pk.slice('txn/'.length));
export const transactionKey = (transactionalId: string): Key => ({
  pk: transactionPartition(transactionalId),
  sk: 'x',
});
export const stagePagesPartition = (transactionalId: string): string => `${transactionPartition(transactionalId)}/s`;
/** The objects under this prefix name the tables that the bucket has had. The last one is the table that may sweep it. */
export const tableNamesPrefix = 'rivulet/table/';
export const tableNameKey = (number: number): string => `${tableNamesPrefix}${offsetSortKey(number)}`;
export const isTableName = (key: string): boolean => key.startsWith(tableNamesPrefix);

/** The counter grows with every topic that is created, altered or deleted. Groups compare it to notice such changes. */
export const topicsChangedKey: Key = { pk: 'topics-changed', sk: 'n' };

export const groupsPartition = 'groups';
/** Group ids are any text. Escaped they have no slash, so two groups never share a table partition. */
const groupName = (groupId: string): string => encodeURIComponent(groupId);
export const groupIdOf = ({ sk }: Key): string => decodeURIComponent(sk);
export const groupListingKey = (groupId: string): Key => ({ pk: groupsPartition, sk: groupName(groupId) });
export const groupPartition = (groupId: string): string => `group/${groupName(groupId)}`;
export const groupHeadKey = (groupId: string): Key => ({ pk: groupPartition(groupId), sk: 'h' });
export const subscriptionKey = (groupId: string): Key => ({ pk: groupPartition(groupId), sk: 's' });
export const topicSubscriptionsPartition = (topicId: string): string => `push/${topicId}`;
export const topicSubscriptionKey = (topicId: string, groupId: string): Key => ({
  pk: topicSubscriptionsPartition(topicId),
  sk: groupName(groupId),
});
export const memberPrefix = 'm/';
/** Member ids have only ASCII characters below `~`, so this key is after all of them. */
export const lastMemberKey = 'm/~';
export const memberKey = (groupId: string, memberId: string): Key => ({
  pk: groupPartition(groupId),
  sk: `${memberPrefix}${memberId}`,
});
export const instancePrefix = 'i/';
export const instanceKey = (groupId: string, instanceId: string): Key => ({
  pk: groupPartition(groupId),
  sk: `${instancePrefix}${instanceId}`,
});
export const targetsPartition = (groupId: string): string => `${groupPartition(groupId)}/t`;
/** A roster or an assignment of a generation stands beside the targets, in chunks. */
export const portionsKey = (
  groupId: string,
  generation: number,
  kind: 'r' | 'a',
  nonce: string,
  chunk: number,
): Key => ({
  pk: targetsPartition(groupId),
  sk: `${offsetSortKey(generation)}/${kind}/${nonce}/${String(chunk).padStart(3, '0')}`,
});
export const targetKey = (groupId: string, epoch: number, nonce: string): Key => ({
  pk: targetsPartition(groupId),
  sk: `${offsetSortKey(epoch)}/${nonce}`,
});
/** Sixteen partitions share an item, because a full one is then just below 1 KiB. */
export const partitionsPerOffsetsItem = 16;
export const groupOffsetsPartition = (groupId: string): string => `${groupPartition(groupId)}/o`;
/** Three digits are enough, because a topic has at most 10,000 partitions. */
export const groupOffsetsKey = (groupId: string, topicId: string, partition: number): Key => ({
  pk: groupOffsetsPartition(groupId),
  sk: `${topicId}/${String(Math.floor(partition / partitionsPerOffsetsItem)).padStart(3, '0')}`,
});
