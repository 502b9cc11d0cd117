// Which right each API asks for, by its key: the same as in Apache Kafka. An API without a row here is refused to everybody
// for whom there are rules.
import { invalid } from '../../../lib/api/refusal.ts';
import { code } from '../../errors.ts';
import {
  all,
  atTop,
  free,
  type Guard,
  hideIn,
  listIn,
  type Message,
  onCluster,
  onEach,
  onOne,
  onTopics,
  refusalOf,
  refuseTopics,
  type TopicShape,
  textIn,
  topicNamed,
  type Verdict,
} from './guards.ts';
import type { Operation, ResourceKind, Rights } from './rules.ts';

// --- the shapes of requests

const produced: TopicShape = {
  ...{ list: 'topicData', partitions: 'partitionData', partition: 'index' },
  ...{ replies: 'responses', partitionReplies: 'partitionResponses', partitionReply: 'index' },
  none: { baseOffset: -1 },
};
const fetched: TopicShape = {
  ...{ replies: 'responses', topic: 'topic', partition: 'partition', none: { highWatermark: -1 } },
};
const epochs: TopicShape = { topic: 'topic', partition: 'partition', partitionReply: 'partition' };
const committed: TopicShape = {};
const added: TopicShape = {
  ...{ list: 'v3AndBelowTopics', replies: 'resultsByTopicV3AndBelow' },
  ...{ partitionReplies: 'resultsByPartition', error: 'partitionErrorCode' },
};
const foundOffsets: TopicShape = {
  ...{ partitions: 'partitionIndexes', none: { committedOffset: -1 } },
};

/** A list whose elements are names. Its elements become messages for as long as a guard looks at them. */
function onNames(operation: Operation, kind: ResourceKind, list: string, replies: string, reply: string): Guard {
  const guard = onEach({
    ...{ operation, list, replies },
    resourceOf: ({ name }) => ({ kind, name: name as string }),
    refuse: ({ name }, errorCode) => ({ [reply]: name, errorCode }),
  });
  return async (request, asker) => {
    const named = ((request[list] as readonly string[] | null) ?? []).map((name) => ({ name }));
    const verdict = await guard({ ...request, [list]: named }, asker);
    if ('reply' in verdict) return verdict;
    const allowed = listIn(verdict.request, list).map(({ name }) => name);
    return { ...verdict, request: { ...request, [list]: allowed } };
  };
}

const topicType = 2;

/** Configurations belong to a topic or, all others, to the cluster. */
const onConfigs = (operation: Operation, replies: string): Guard =>
  onEach({
    ...{ operation, list: 'resources', replies },
    resourceOf: ({ resourceType, resourceName }) =>
      resourceType === topicType ? { kind: 'topic', name: resourceName as string } : { kind: 'cluster' },
    refuse: ({ resourceType, resourceName }, errorCode) => ({
      ...{ resourceType, resourceName, errorCode, errorMessage: null },
    }),
  });

const refuseName = ({ name }: Message, errorCode: number): Message => ({ name, errorCode, errorMessage: null });

// --- the APIs with rules of their own

const onMetadata: Guard = async (request, asker) => {
  const isAll = request.topics === null || (asker.version === 0 && listIn(request, 'topics').length === 0);
  const mayKnow = (topic: Message): boolean => asker.rights.may('DESCRIBE', 'topic', textIn(topic, 'name'));
  const topics = listIn(request, 'topics');
  const isRefused = (topic: Message): boolean => topic.name !== null && !mayKnow(topic);
  const refused = topics.filter(isRefused).map(({ name }) => ({
    ...{ name, errorCode: code.topicAuthorizationFailed, partitions: [] },
  }));
  const unknown = ({ topicId }: Message): Message => ({
    ...{ name: null, topicId, errorCode: code.unknownTopicId, partitions: [] },
  });
  const complete = (reply: Message): Message => {
    const found = listIn(reply, 'topics');
    // A topic that was asked for by its id is hidden behind the answer to an id that does not exist.
    const visible = found.flatMap((topic) =>
      topic.name === null || mayKnow(topic) ? [topic] : isAll ? [] : [unknown(topic)],
    );
    return { ...reply, topics: [...visible, ...refused] };
  };
  if (isAll) return { request, complete };
  const allowed = topics.filter((topic) => !isRefused(topic));
  // Version 0 takes an empty list for all topics, and the reply needs the nodes. The topics in it are dropped.
  const isEmptied = allowed.length === 0 && asker.version === 0;
  return isEmptied
    ? { request: { ...request, topics: null }, complete: (reply) => ({ ...reply, topics: refused }) }
    : { request: { ...request, topics: allowed }, complete };
};

const onOffsetFetch: Guard = async (request, asker) => {
  const groups = listIn(request, 'groups');
  if (groups.length === 0) return onGroupOffsets(request, asker);
  const verdicts = await Promise.all(groups.map((group) => onGroupOffsets(group, asker)));
  const allowed = verdicts.flatMap((verdict) => ('reply' in verdict ? [] : [verdict.request]));
  const complete = (reply: Message): Message => {
    const found = [...listIn(reply, 'groups')];
    const completed = verdicts.map((verdict, i) => {
      const own = { groupId: groups[i]!.groupId };
      if ('reply' in verdict) return { ...own, ...verdict.reply };
      return verdict.complete!(found.shift()!);
    });
    return { ...reply, groups: completed };
  };
  return allowed.length === 0 ? { reply: complete({}) } : { request: { ...request, groups: allowed }, complete };
};

/** The offsets of one group. Null asks for all topics, of which some are hidden. */
const onGroupOffsets: Guard = async (group, asker) => {
  const isAll = group.topics === null;
  const guards = [
    onOne('DESCRIBE', 'group', 'groupId', offsetsRefused),
    isAll
      ? hideIn('topics', ({ name }, { may }) => may('DESCRIBE', 'topic', name as string))
      : onTopics('DESCRIBE', foundOffsets),
  ];
  return all(...guards)(group, asker);
};

/** Version 1 has a code for each partition only. */
const offsetsRefused = (group: Message, errorCode: number): Message => ({
  ...refuseTopics(foundOffsets)(group, errorCode),
  errorCode,
});

const firstVersionWithKeys = 4;
const coordinatorKinds: Readonly<Record<number, 'group' | 'transactionalId'>> = { 0: 'group', 1: 'transactionalId' };

const onFindCoordinator: Guard = (request, asker): Verdict | Promise<Verdict> => {
  const kind = coordinatorKinds[request.keyType as number];
  if (!kind) return { request };
  const nowhere = { nodeId: -1, host: '', port: -1, errorMessage: null };
  if (asker.version < firstVersionWithKeys)
    return onOne('DESCRIBE', kind, 'key', (_, errorCode) => ({ ...nowhere, errorCode }))(request, asker);
  const guard = onNames('DESCRIBE', kind, 'coordinatorKeys', 'coordinators', 'key');
  return withDefaults(guard, 'coordinators', nowhere)(request, asker);
};

/** Fills in what the refused elements lack. */
const withDefaults =
  (guard: Guard, replies: string, defaults: Message): Guard =>
  async (request, asker) => {
    const verdict = await guard(request, asker);
    const filled = (reply: Message): Message => ({
      ...reply,
      [replies]: listIn(reply, replies).map((one) => ({ ...defaults, ...one })),
    });
    if ('reply' in verdict) return { reply: filled(verdict.reply) };
    const { complete } = verdict;
    return complete ? { ...verdict, complete: (reply) => filled(complete(reply)) } : verdict;
  };

/** As in Apache Kafka, a producer may be idempotent if it may write anywhere. */
const onInitProducerId: Guard = (request, asker) => {
  if (request.transactionalId !== null) return onOne('WRITE', 'transactionalId', 'transactionalId')(request, asker);
  const { rights } = asker;
  const mayProduce = rights.may('IDEMPOTENT_WRITE', 'cluster') || rights.mayOnSome('WRITE', 'topic');
  return mayProduce ? { request } : { reply: atTop(request, refusalOf.cluster) };
};

const onDeleteTopics: Guard = (request, asker) => {
  const firstVersionWithIds = 6;
  if (asker.version < firstVersionWithIds)
    return onNames('DELETE', 'topic', 'topicNames', 'responses', 'name')(request, asker);
  return onEach({
    ...{ operation: 'DELETE', list: 'topics', replies: 'responses', resourceOf: topicNamed('name') },
    refuse: ({ name, topicId }, errorCode) => ({ name, topicId, errorCode }),
  })(request, asker);
};

/** A member may not subscribe to topics that it may not know of. */
const onSubscription: Guard = (request, { rights }) => {
  const names = (request.subscribedTopicNames as readonly string[] | null) ?? [];
  const mayAll = names.every((name) => rights.may('DESCRIBE', 'topic', name));
  return mayAll ? { request } : { reply: atTop(request, refusalOf.topic) };
};

const hideTopicsOfTransactions: Guard = (request, { rights }) => ({
  request,
  complete: (reply) => ({
    ...reply,
    transactionStates: listIn(reply, 'transactionStates').map((one) => ({
      ...one,
      topics: listIn(one, 'topics').filter((topic) => rights.may('DESCRIBE', 'topic', textIn(topic, 'topic'))),
    })),
  }),
});

const mayCreateAll = ({ may }: Rights): boolean => may('CREATE', 'cluster');
const readGroup = onOne('READ', 'group', 'groupId');
const writeTransaction = onOne('WRITE', 'transactionalId', 'transactionalId');
/** The replies of these have codes for partitions only. */
const readGroupOf = (shape: TopicShape): Guard => onOne('READ', 'group', 'groupId', refuseTopics(shape));
const writeTransactionOf = (shape: TopicShape, field = 'transactionalId'): Guard =>
  onOne('WRITE', 'transactionalId', field, refuseTopics(shape));

const onProduce: Guard = async (request, asker) => {
  const verdict = await all(writeTransactionOf(produced), onTopics('WRITE', produced))(request, asker);
  const allowed = 'reply' in verdict ? [] : listIn(verdict.request, 'topicData');
  const refusesSome = allowed.length < listIn(request, 'topicData').length;
  // The client expects no reply: a closed connection is all that it can notice. Nothing of the request is written.
  if (request.acks === 0 && refusesSome)
    throw invalid('a produce request with acks=0 failed: a topic may not be written');
  return verdict;
};

const rows: Readonly<Record<number, Guard>> = {
  /* Produce */ 0: onProduce,
  /* Fetch */ 1: onTopics('READ', fetched),
  /* ListOffsets */ 2: onTopics('DESCRIBE', { none: { timestamp: -1, offset: -1 } }),
  /* Metadata */ 3: onMetadata,
  /* OffsetCommit */ 8: all(readGroupOf(committed), onTopics('READ', committed)),
  /* OffsetFetch */ 9: onOffsetFetch,
  /* FindCoordinator */ 10: onFindCoordinator,
  /* JoinGroup */ 11: readGroup,
  /* Heartbeat */ 12: readGroup,
  /* LeaveGroup */ 13: readGroup,
  /* SyncGroup */ 14: readGroup,
  /* DescribeGroups */ 15: onNames('DESCRIBE', 'group', 'groups', 'groups', 'groupId'),
  /* ListGroups */ 16: hideIn(
    'groups',
    ({ groupId }, { may }) => may('DESCRIBE', 'cluster') || may('DESCRIBE', 'group', groupId as string),
  ),
  /* SaslHandshake */ 17: free,
  /* ApiVersions */ 18: free,
  /* CreateTopics */ 19: onEach({
    ...{ operation: 'CREATE', list: 'topics', replies: 'topics', refuse: refuseName, or: mayCreateAll },
    resourceOf: topicNamed('name'),
  }),
  /* DeleteTopics */ 20: onDeleteTopics,
  /* DeleteRecords */ 21: onTopics('DELETE', { none: { lowWatermark: -1 } }),
  /* InitProducerId */ 22: onInitProducerId,
  /* OffsetForLeaderEpoch */ 23: onTopics('DESCRIBE', epochs),
  /* AddPartitionsToTxn, to version 3 */ 24: all(
    writeTransactionOf(added, 'v3AndBelowTransactionalId'),
    onTopics('WRITE', added),
  ),
  /* AddOffsetsToTxn */ 25: all(writeTransaction, readGroup),
  /* EndTxn */ 26: writeTransaction,
  /* TxnOffsetCommit */ 28: all(writeTransactionOf(committed), readGroupOf(committed), onTopics('READ', committed)),
  /* DescribeAcls */ 29: onCluster('DESCRIBE'),
  /* CreateAcls */ 30: onCluster('ALTER'),
  /* DeleteAcls */ 31: onCluster('ALTER'),
  /* DescribeConfigs */ 32: onConfigs('DESCRIBE_CONFIGS', 'results'),
  /* AlterConfigs */ 33: onConfigs('ALTER_CONFIGS', 'responses'),
  /* AlterReplicaLogDirs */ 34: onCluster('ALTER'),
  /* DescribeLogDirs */ 35: onCluster('DESCRIBE'),
  /* SaslAuthenticate */ 36: free,
  /* CreatePartitions */ 37: onEach({
    ...{ operation: 'ALTER', list: 'topics', replies: 'results', refuse: refuseName },
    resourceOf: topicNamed('name'),
  }),
  /* DeleteGroups */ 42: onNames('DELETE', 'group', 'groupsNames', 'results', 'groupId'),
  /* ElectLeaders */ 43: onCluster('ALTER'),
  /* IncrementalAlterConfigs */ 44: onConfigs('ALTER_CONFIGS', 'responses'),
  /* AlterPartitionReassignments */ 45: onCluster('ALTER'),
  /* ListPartitionReassignments */ 46: onCluster('DESCRIBE'),
  /* OffsetDelete */ 47: all(onOne('DELETE', 'group', 'groupId'), onTopics('READ', committed)),
  /* DescribeClientQuotas */ 48: onCluster('DESCRIBE_CONFIGS'),
  /* DescribeQuorum */ 55: onCluster('DESCRIBE'),
  /* DescribeCluster */ 60: free,
  /* DescribeProducers */ 61: onTopics('READ', { partitions: 'partitionIndexes' }),
  /* DescribeTransactions */ 65: all(
    onNames('DESCRIBE', 'transactionalId', 'transactionalIds', 'transactionStates', 'transactionalId'),
    hideTopicsOfTransactions,
  ),
  /* ListTransactions */ 66: hideIn('transactionStates', ({ transactionalId }, { may }) =>
    may('DESCRIBE', 'transactionalId', transactionalId as string),
  ),
  /* ConsumerGroupHeartbeat */ 68: all(readGroup, onSubscription),
  /* ListConfigResources */ 74: onCluster('DESCRIBE_CONFIGS'),
  /* DescribeTopicPartitions */ 75: onEach({
    ...{ operation: 'DESCRIBE', list: 'topics', replies: 'topics', resourceOf: topicNamed('name') },
    refuse: ({ name }, errorCode) => ({ name, errorCode, partitions: [] }),
  }),
  /* ConsumerGroupDescribe */ 69: onNames('DESCRIBE', 'group', 'groupIds', 'groups', 'groupId'),
};

/** Undefined for an API that nobody may use under rules. */
export const guardOf = (apiKey: number): Guard | undefined => rows[apiKey];
