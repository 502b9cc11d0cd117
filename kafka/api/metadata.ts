// Metadata (3). Describes the cluster and topics: all of them, or those that are asked for, which may be created on the way.
//
// Versions 0 to 12; topics may be named by their ids from version 12 on. Deviations: the leader of a partition is
// one of the nodes, each of which has all of them. A topic that
// is created on the way is described immediately, where Apache Kafka says LEADER_NOT_AVAILABLE first. Operations that the
// client may do are not listed.
import { RivuletError } from '../../lib/api/errors.ts';
import type { TopicSummary } from '../../lib/api/topics.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import type { Rights } from '../auth/rules/rules.ts';
import { controllerOf, type Node, type PartitionPlace, placesOf } from '../cluster.ts';
import { code, readCode } from '../errors.ts';
import { allTopics } from '../topic-names.ts';

type Request = {
  readonly topics: readonly TopicRequest[] | null;
  readonly allowAutoTopicCreation: boolean;
};

type TopicRequest = { readonly name: string | null; readonly topicId: string };

type Reply = {
  readonly brokers: readonly Node[];
  readonly clusterId: string;
  readonly controllerId: number;
  readonly topics: readonly TopicReply[];
};

type TopicReply = {
  readonly errorCode: number;
  readonly name: string | null;
  readonly topicId?: string;
  readonly partitions: readonly PartitionPlace[];
};

const firstVersionWithNone = 1;
const firstVersionWithCreation = 4;
/** Versions 10 and 11 have ids too, but neither Apache Kafka nor their replies know a topic without a name. */
const firstVersionWithIds = 12;
const topicsAtOnce = 16;
/** More topics than this are described, but not created, in one request. */
const mostCreated = 100;

export const metadata = defineApi<Request, Reply>({
  key: 3,
  versions: [0, 12],
  // It may create topics.
  overlaps: false,
  async answer(gateway, request, { version, rights }) {
    const { cluster, engine } = gateway;
    const { clusterId, nodes } = cluster;
    const isAll = request.topics === null || (version < firstVersionWithNone && request.topics.length === 0);
    const mayCreate = version < firstVersionWithCreation || request.allowAutoTopicCreation;
    const topics = isAll
      ? (await allTopics(engine)).map((topic) => describe(gateway, topic))
      : await inParallel(onceEach(request.topics!), topicsAtOnce, async (topic, i) =>
          topic.name === null && version < firstVersionWithIds
            ? nameless(topic)
            : describeOne(gateway, topic, mayCreate && i < mostCreated, rights),
        );
    return { brokers: nodes, clusterId, controllerId: controllerOf(cluster).nodeId, topics };
  },
});

/** A wide topic that is named a thousand times would take seconds to describe. Apache Kafka answers once too. */
const onceEach = (topics: readonly TopicRequest[]): TopicRequest[] => [
  ...new Map(topics.map((topic) => [topic.name ?? topic.topicId, topic])).values(),
];

async function describeOne(
  gateway: Gateway,
  { name, topicId }: TopicRequest,
  mayCreate: boolean,
  { may }: Rights,
): Promise<TopicReply> {
  const { engine, names, autoCreateTopics } = gateway;
  const isRefused = !may('CREATE', 'cluster') && !may('CREATE', 'topic', name ?? '');
  const found = name ?? (await names.nameOf(topicId));
  const unknownId = { ...nothing, errorCode: code.unknownTopicId, name, topicId };
  if (found === undefined) return unknownId;
  try {
    const topic = await engine.describeTopic(found).catch((error: unknown) => {
      const isMissing = error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION';
      if (!isMissing || name === null || !mayCreate || !autoCreateTopics) throw error;
      if (isRefused) return undefined;
      return create(gateway, found);
    });
    if (!topic) return { ...nothing, errorCode: code.topicAuthorizationFailed, name };
    const isRecreated = name === null && topic.topicId !== topicId;
    return isRecreated ? unknownId : describe(gateway, topic);
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return { ...nothing, errorCode: readCode(error), name: found };
  }
}

/** Another client may create it at the same time. */
async function create({ engine, numPartitions }: Gateway, topic: string): Promise<TopicSummary> {
  try {
    return await engine.createTopic({ topic, partitions: numPartitions });
  } catch (error) {
    if (error instanceof RivuletError && error.errorCode === 'TOPIC_ALREADY_EXISTS') return engine.describeTopic(topic);
    throw error;
  }
}

const nothing = { partitions: [] } as const;

const nameless = ({ topicId }: TopicRequest): TopicReply => ({
  ...nothing,
  ...{ errorCode: code.invalidRequest, name: '', topicId },
});

function describe({ cluster, names }: Gateway, topic: TopicSummary): TopicReply {
  names.learn(topic);
  const placeOf = placesOf(cluster, topic.topicId);
  return {
    errorCode: code.none,
    name: topic.topic,
    topicId: topic.topicId,
    partitions: Array.from({ length: topic.partitions }, (_, partition) => placeOf(partition)),
  };
}
