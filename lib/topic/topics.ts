// Creates, lists, alters and deletes topics. The topic item is the truth. Heads are made from it, and a process that
// misses a head to write to makes it from the item again. A deleted topic leaves a tombstone and fenced heads, so that
// a process with an old copy of the topic cannot write to it. A topic that is re-created under the same name has a new
// id and shares nothing with the old one.

import { isDeepStrictEqual } from 'node:util';
import { type Outcome, RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { refused } from '../api/refusal.ts';
import type { CreateTopicRequest, TopicChange, TopicDescription, TopicRef, TopicSummary } from '../api/topics.ts';
import { fenceHead } from '../partition/fence.ts';
import { deletedFence, emptyHeadItem } from '../partition/head.ts';
import { newCache } from '../runtime/cache.ts';
import type { Clock } from '../runtime/clock.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { checkVersion, headKey, itemVersion, tombstoneKey, topicKey, topicsPartition } from '../storage/keys.ts';
import { StorageError } from '../storage/storage-error.ts';
import { absent, all, equals, type Item, type Table, type Write } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import { announced } from './announced.ts';
import { type ConfigOverrides, setsCleanup, withChanges } from './config.ts';
import { describeTopic } from './describe-topic.ts';
import { checkTopicName } from './name.ts';
import { nameOf } from './name-of.ts';
import { alreadyExists, checkId, checkPartitions, sleptOn, unknownTopic } from './refusals.ts';

export type Topic = TopicSummary & {
  readonly overrides: ConfigOverrides;
  /** Grows with every change. */
  readonly revision: number;
  /** False if the topic was made before there was retention, and nobody has confirmed that old records may go. */
  readonly isRetentionConfirmed: boolean;
  /** The topic has subscriptions, or had some: its heads are flagged, so that the stream tells of their appends. */
  readonly isPushed: boolean;
};

export type Topics = {
  /**
   * Finds a topic by its name, from a copy that is a few seconds old, and checks topicId if it is given. Throws
   * UNKNOWN_TOPIC_OR_PARTITION, INCONSISTENT_TOPIC_ID.
   */
  resolve(ref: TopicRef): Promise<Topic>;
  /** Returns the topic as it was when this process last read it, however long ago; undefined if it never did. */
  lastKnown(name: string): Topic | undefined;
  /** Returns the name of a topic that this process has read. */
  nameOf(topicId: string): string | undefined;
  /** Drops the copy, so that the next resolve reads the topic again. */
  forget(name: string): void;
  /** Makes a head that is missing though its topic exists. */
  makeHead(topicId: string, partition: number): Promise<void>;
  create(request: CreateTopicRequest): Promise<TopicDescription>;
  list(request: { limit?: number; after?: string }): Promise<{ topics: TopicSummary[]; more: boolean }>;
  describe(name: string): Promise<TopicDescription>;
  alter(request: TopicChange): Promise<TopicDescription>;
  /** From now on retention and compaction may remove records of the topic. A repeat changes nothing. */
  confirmRetention(name: string): Promise<void>;
  delete(name: string, topicId?: string): Promise<void>;
};

/** How old a copy of a topic may be. A stale one is harmless, because the heads of a deleted topic refuse. */
const copyMs = 5_000;
/**
 * A change names its topic by the name alone. A request that slept this long may have found a topic that was created
 * since, which it did not mean.
 */
const oldestChangeMs = 60_000;
const topicsKept = 10_000;
/** How many heads are made or fenced at a time. */
const headsAtOnce = 64;

/** A key of the table can neither be empty nor of any length, and its error would look like a failure of storage. */
const mayBeKey = (name: string): boolean => name.length > 0 && name.length <= limits.nameLength;

export function createTopics(table: Table, clock: Clock): Topics {
  const copies = newCache<{ topic: Topic; readMs: number }>(topicsKept);
  const names = newCache<string>(topicsKept);

  const keep = (topic: Topic): Topic => {
    copies.set(topic.topic, { topic, readMs: clock.monotonic() });
    names.set(topic.topicId, topic.topic);
    return topic;
  };

  async function read(name: string): Promise<Topic> {
    const item = mayBeKey(name) ? await table.get(topicKey(name), { strong: true }) : undefined;
    if (!item || item.name !== name) {
      copies.delete(name);
      throw unknownTopic(name);
    }
    return keep(parseTopic(item));
  }

  async function readToChange(name: string): Promise<Topic> {
    const askedMs = clock.now();
    const topic = await read(name);
    const ageMs = clock.now() - askedMs;
    if (ageMs > oldestChangeMs) throw sleptOn(name, ageMs, oldestChangeMs);
    return topic;
  }

  async function resolve({ topic: name, topicId }: TopicRef): Promise<Topic> {
    const copy = copies.get(name);
    const isFresh = copy && clock.monotonic() - copy.readMs < copyMs;
    const matches = copy && (topicId === undefined || topicId === copy.topic.topicId);
    const topic = isFresh && matches ? copy.topic : await read(name);
    checkId(topic, topicId);
    return topic;
  }

  async function makeHead(topicId: string, partition: number): Promise<void> {
    const name = names.get(topicId) ?? (await nameOf(table, topicId));
    if (name === undefined) return;
    const topic = await read(name);
    if (topic.topicId === topicId && partition < topic.partitions) await putHead(table, topic, partition);
  }

  return {
    resolve,
    lastKnown: (name) => copies.get(name)?.topic,
    nameOf: (topicId) => names.get(topicId),
    forget: (name) => copies.delete(name),
    makeHead,
    create: async (request) =>
      request.validateOnly
        ? describeTopic(await validated(table, clock, request))
        : describeTopic(keep(await announced(table, create(table, clock, request)))),
    list: (request) => list(table, request),
    describe: async (name) => describeTopic(await read(name)),
    alter: async (request) => describeTopic(await altered(table, await readToChange(request.topic), request, keep)),
    async confirmRetention(name) {
      const topic = await readToChange(name);
      if (!topic.isRetentionConfirmed) keep(await confirmRetention(table, topic));
    },
    async delete(name, topicId) {
      const topic = await readToChange(name);
      checkId(topic, topicId);
      await announced(table, remove(table, clock, topic));
      copies.delete(name);
    },
  };
}

async function create(table: Table, clock: Clock, request: CreateTopicRequest): Promise<Topic> {
  const item = newTopicItem(clock, request);
  await takeName(table, clock, item);
  const topic = parseTopic(item);
  await makeHeads(table, topic, 0);
  return topic;
}

async function validated(table: Table, clock: Clock, request: CreateTopicRequest): Promise<Topic> {
  const item = newTopicItem(clock, request);
  const inTheWay = await table.get(topicKey(request.topic), { strong: true });
  if (inTheWay) throw alreadyExists(request.topic, inTheWay);
  return parseTopic(item);
}

function newTopicItem(clock: Clock, request: CreateTopicRequest): Item {
  checkTopicName(request.topic);
  const partitions = request.partitions ?? 1;
  checkPartitions(partitions);
  const config = withChanges({}, request.config ?? {});
  return {
    ...topicKey(request.topic),
    v: itemVersion,
    name: request.topic,
    id: Buffer.from(clock.randomBytes(16)).toString('base64url'),
    partitions,
    config,
    createdMs: clock.now(),
    // Version 0.1.0 makes heads with this fence.
    te: 0,
    rt: 1,
    revision: 1,
  };
}

/**
 * Also requires that no tombstone exists for this id. Otherwise a delayed duplicate of this create could bring a
 * deleted topic back.
 */
async function takeName(table: Table, clock: Clock, item: Item): Promise<void> {
  const isFree = absent('v');
  const wasNeverDeleted = { kind: 'check', key: tombstoneKey(item.id as string), if: absent('v') } as const;
  const result = await table.transact([{ kind: 'put', item, if: isFree }, wasNeverDeleted], newToken(clock));
  if (result.applied) return;
  const [inTheWay, buried] = result.failures;
  // After a lost reply, the topic that is in the way may be our own. Or it was our own, and another process has deleted
  // it since.
  if (inTheWay?.old?.id !== item.id && !buried?.failed) throw alreadyExists(item.name as string, inTheWay?.old);
}

/**
 * The topic exists by now. If its creator dies here, or is refused, some heads are missing. The first append that
 * misses a head makes it; to readers its partition is empty.
 */
async function makeHeads(table: Table, topic: Topic, from: number): Promise<void> {
  const partitions = Array.from({ length: topic.partitions - from }, (_, i) => from + i);
  await inParallel(partitions, headsAtOnce, (partition) => putHead(table, topic, partition)).catch((error) => {
    if (!(error instanceof StorageError)) throw error;
  });
}

async function putHead(table: Table, topic: Topic, partition: number): Promise<void> {
  const empty = emptyHeadItem(headKey(topic.topicId, partition), 0);
  const flag = topic.isPushed && { f: topic.revision };
  const notMade = absent('v');
  await table.write({ kind: 'put', item: { ...empty, ...flag }, if: notMade });
}

async function list(
  table: Table,
  request: { limit?: number; after?: string },
): Promise<{ topics: TopicSummary[]; more: boolean }> {
  const { items, more } = await table.query({
    pk: topicsPartition,
    limit: request.limit ?? 100,
    strong: true,
    ...(request.after !== undefined && { after: topicKey(request.after).sk }),
  });
  const topics = items
    .map(parseTopic)
    .map(({ topic, topicId, partitions, createdMs }) => ({ topic, topicId, partitions, createdMs }));
  return { topics, more };
}

type Wanted = { readonly partitions: number; readonly overrides: ConfigOverrides; readonly confirms: boolean };

function wantedOf(topic: Topic, request: TopicChange): Wanted {
  const partitions = request.partitions ?? topic.partitions;
  checkPartitions(partitions);
  if (partitions < topic.partitions) {
    throw refused(
      'INVALID_PARTITIONS',
      `partitions: expected at least ${topic.partitions}, because those of topic ${topic.topic} can only grow, got ${partitions}`,
    );
  }
  const { config = {} } = request;
  const changes = typeof config === 'function' ? config(topic.overrides) : config;
  return { partitions, overrides: withChanges(topic.overrides, changes), confirms: setsCleanup(changes) };
}

/** If the request is only to be validated, the topic as it would be. Throws INVALID_PARTITIONS, INVALID_CONFIG. */
async function altered(
  table: Table,
  topic: Topic,
  request: TopicChange,
  keep: (changed: Topic) => Topic,
): Promise<Topic> {
  const wanted = wantedOf(topic, request);
  if (request.validateOnly) return { ...topic, ...wanted };
  return keep(await announced(table, alter(table, topic, wanted)));
}

async function alter(table: Table, topic: Topic, wanted: Wanted): Promise<Topic> {
  const { partitions, overrides, confirms } = wanted;
  const result = await table.write({
    kind: 'update',
    key: topicKey(topic.topic),
    update: {
      set: [['partitions', partitions], ['config', overrides], ...(confirms ? [['rt', 1] as const] : [])],
      add: [['revision', 1]],
    },
    if: all(equals('id', topic.topicId), equals('revision', topic.revision)),
  });
  const isDone = result.applied || isAsWanted(result.old, topic, wanted);
  if (!isDone) throw changedMeanwhile(topic.topic, result.doubtful ? 'unknown' : 'not-written');
  const changed = parseTopic(result.applied ? result.item! : result.old!);
  await makeHeads(table, changed, topic.partitions);
  return changed;
}

/** An earlier copy of our own change may have landed, or another request wanted the same. */
function isAsWanted(item: Item | undefined, before: Topic, { partitions, overrides, confirms }: Wanted): boolean {
  const isConfirmed = !confirms || item?.rt === 1;
  return (
    item?.id === before.topicId &&
    item.partitions === partitions &&
    isDeepStrictEqual(item.config, overrides) &&
    isConfirmed
  );
}

async function confirmRetention(table: Table, topic: Topic): Promise<Topic> {
  const isSameTopic = equals('id', topic.topicId);
  const notConfirmed = absent('rt');
  const result = await table.write({
    kind: 'update',
    key: topicKey(topic.topic),
    update: { set: [['rt', 1]], add: [['revision', 1]] },
    if: all(isSameTopic, notConfirmed),
  });
  const item = result.applied ? result.item : result.old;
  if (item?.id !== topic.topicId) throw unknownTopic(topic.topic);
  return parseTopic(item);
}

const changedMeanwhile = (name: string, outcome: Outcome) =>
  new RivuletError(
    'STORAGE_UNAVAILABLE',
    `another request has changed topic ${name} meanwhile: describe the topic before you change it again`,
    {
      outcome,
    },
  );

/**
 * Fences the heads before it frees the name: once the name is free, no process with an old copy may take a write to
 * this topic. A crash in between leaves a topic that takes no writes until its deletion is requested again.
 */
async function remove(table: Table, clock: Clock, topic: Topic): Promise<void> {
  const numbers = Array.from({ length: topic.partitions }, (_, partition) => partition);
  try {
    await inParallel(numbers, headsAtOnce, (partition) =>
      fenceHead(table, { topicId: topic.topicId, partition }, deletedFence),
    );
    await freeName(table, clock, topic);
  } catch (error) {
    throw error instanceof StorageError ? closedOnly(topic.topic, error) : error;
  }
}

const closedOnly = (name: string, cause?: StorageError) =>
  new RivuletError(
    'STORAGE_UNAVAILABLE',
    `topic ${name} may be only partly deleted, so that it refuses records while its name is taken: run the delete again`,
    {
      outcome: 'unknown',
      cause,
    },
  );

/** The tombstone replaces the name in one transaction. */
async function freeName(table: Table, clock: Clock, topic: Topic): Promise<void> {
  const { topicId, partitions } = topic;
  const tombstone: Item = {
    ...tombstoneKey(topicId),
    v: itemVersion,
    name: topic.topic,
    partitions,
    deletedMs: clock.now(),
  };
  const isSameTopic = equals('id', topicId);
  // The revision is compared too: otherwise partitions that were added since would stay open.
  const isUnchanged = equals('revision', topic.revision);
  const actions: Write[] = [
    { kind: 'delete', key: topicKey(topic.topic), if: all(isSameTopic, isUnchanged) },
    { kind: 'put', item: tombstone },
  ];
  const result = await table.transact(actions, newToken(clock));
  const isGone = result.applied || (await table.get(tombstoneKey(topicId), { strong: true })) !== undefined;
  if (!isGone) throw closedOnly(topic.topic);
}

export function parseTopic(item: Item): Topic {
  checkVersion(item, 'topic');
  return {
    topic: item.name as string,
    topicId: item.id as string,
    partitions: item.partitions as number,
    createdMs: item.createdMs as number,
    overrides: item.config as ConfigOverrides,
    revision: item.revision as number,
    isRetentionConfirmed: item.rt === 1,
    isPushed: item.pu === 1,
  };
}
