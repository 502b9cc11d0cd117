// CreateTopics (19). Creates topics with their configurations, or only says whether that would succeed.
//
// Versions 2 to 7. Deviations: any replication factor is taken, and 1 is reported, because the storage replicates. Replicas may be
// assigned by hand only to the one node that exists.
import { RivuletError } from '../../lib/api/errors.ts';
import { refused } from '../../lib/api/refusal.ts';
import type { TopicDescription } from '../../lib/api/topics.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { type Cluster, isReplicaList, listOfNodes } from '../cluster.ts';
import { changeCode, code, type Failure, messageOf } from '../errors.ts';
import { type ConfigReply, configReply } from '../topic-configs.ts';

type Request = { readonly topics: readonly TopicRequest[]; readonly validateOnly: boolean };

type TopicRequest = {
  readonly name: string;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[];
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
};

type Reply = { readonly topics: readonly TopicReply[] };

type TopicReply = {
  readonly name: string;
  readonly topicId?: string;
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly numPartitions?: number;
  readonly replicationFactor?: number;
  readonly configs?: readonly ConfigReply[];
};

const topicsAtOnce = 8;
/** The server decides. */
const unset = -1;
const reportedReplicas = 1;

export const createTopics = defineApi<Request, Reply>({
  key: 19,
  versions: [2, 7],
  overlaps: false,
  async answer(gateway, { topics, validateOnly }) {
    const times = Map.groupBy(topics, ({ name }) => name);
    const topicReplies = await inParallel([...times.values()], topicsAtOnce, async ([topic, ...others]) =>
      others.length > 0 ? failed(topic!, repeated) : create(gateway, topic!, validateOnly),
    );
    return { topics: topicReplies };
  },
});

const repeated = { errorCode: code.invalidRequest, errorMessage: 'topics: expected each topic once, got one again' };

async function create(gateway: Gateway, topic: TopicRequest, validateOnly: boolean): Promise<TopicReply> {
  const { engine, names, cluster } = gateway;
  const refusal = refusalOf(cluster, topic);
  if (refusal) return failed(topic, refusal);
  const { name, numPartitions, assignments, configs } = topic;
  try {
    const partitions = assignments.length || (numPartitions === unset ? 1 : numPartitions);
    const config = Object.fromEntries(configs.map(({ name: key, value }) => [key, value ?? noValue(key)]));
    const created = await engine.createTopic({ topic: name, partitions, config, validateOnly });
    if (validateOnly) return replyOf(created);
    names.learn(created);
    return { ...replyOf(created), topicId: created.topicId };
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    return failed(topic, { errorCode: changeCode(error), errorMessage: messageOf(error) });
  }
}

function noValue(config: string): never {
  throw refused('INVALID_CONFIG', `${config}: expected a value, got null`);
}

function refusalOf(cluster: Cluster, topic: TopicRequest): Failure | undefined {
  const { numPartitions, replicationFactor, assignments } = topic;
  if (assignments.length > 0) {
    if (numPartitions !== unset || replicationFactor !== unset)
      return {
        errorCode: code.invalidRequest,
        errorMessage: 'assignments: expected no number of partitions or replicas beside them',
      };
    return isOurs(cluster, assignments)
      ? undefined
      : { errorCode: code.invalidReplicaAssignment, errorMessage: expectedAssignment(cluster) };
  }
  if (replicationFactor !== unset && replicationFactor < 1)
    return {
      errorCode: code.invalidReplicationFactor,
      errorMessage: `replication factor: expected 1 or more, got ${replicationFactor}`,
    };
  return undefined;
}

const expectedAssignment = (cluster: Cluster) =>
  `assignments: expected partitions from 0 on without a gap, each on one of the nodes ${listOfNodes(cluster)}`;

function isOurs(cluster: Cluster, assignments: TopicRequest['assignments']): boolean {
  const numbers = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
  const hasNoGap = numbers.every((number, i) => number === i);
  return hasNoGap && assignments.every(({ brokerIds }) => isReplicaList(cluster, brokerIds));
}

const replyOf = ({ topic, partitions, config }: TopicDescription): TopicReply => ({
  ...{ name: topic, errorCode: code.none, errorMessage: null },
  ...{ numPartitions: partitions, replicationFactor: reportedReplicas, configs: config.map(configReply) },
});

const failed = ({ name }: TopicRequest, failure: Failure): TopicReply => ({ name, ...failure });
