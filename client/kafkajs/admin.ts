// KafkaJS's admin client over the SDK's.
import type { Admin as SdkAdmin } from '../admin/admin.ts';
import { isClientError } from '../client-error.ts';
import { ConfigResourceTypes, ConfigSource } from './constants.ts';
import {
  converted,
  converting,
  type FailedGroup,
  KafkaJSAggregateError,
  KafkaJSCreateTopicError,
  KafkaJSDeleteGroupsError,
  KafkaJSDeleteTopicRecordsError,
  KafkaJSNonRetriableError,
  KafkaJSNotImplemented,
  KafkaJSProtocolError,
} from './errors.ts';
import { adminEvents, Events, type Listener } from './events.ts';
import type { Logger } from './logger.ts';
import { wholeText } from './messages.ts';
import { type PartitionMetadata, partitionMetadata } from './partitioners.ts';

type ConfigEntry = { readonly name: string; readonly value: string };
export type ITopicConfig = {
  readonly topic: string;
  /** Default 1. */
  readonly numPartitions?: number;
  /** No effect: the storage replicates. */
  readonly replicationFactor?: number;
  readonly replicaAssignment?: readonly object[];
  readonly configEntries?: readonly ConfigEntry[];
};

export type SeekEntry = { readonly partition: number; readonly offset: string };
export type TopicOffsets = { readonly topic: string; readonly partitions: readonly SeekEntry[] };

export type AdminContext = {
  readonly logger: Logger;
  readonly admin: SdkAdmin;
  readonly host: string;
  readonly port: number;
};

export class Admin {
  readonly events = adminEvents;
  readonly #context: AdminContext;
  readonly #admin: SdkAdmin;
  readonly #events: Events;

  constructor(context: AdminContext) {
    this.#context = context;
    this.#admin = context.admin;
    this.#events = new Events(adminEvents, context.logger);
  }

  async connect(): Promise<void> {
    this.#events.emit(adminEvents.CONNECT);
  }

  async disconnect(): Promise<void> {
    this.#events.emit(adminEvents.DISCONNECT);
  }

  on(event: string, listener: Listener): () => void {
    return this.#events.on(event, listener);
  }

  logger(): Logger {
    return this.#context.logger;
  }

  // --- topics

  async listTopics(): Promise<string[]> {
    return (await converting(() => this.#admin.listTopics())).map(({ topic }) => topic);
  }

  /** @returns whether all of them are new. Throws KafkaJSAggregateError with a KafkaJSCreateTopicError for each that failed otherwise. */
  async createTopics({
    topics,
    validateOnly = false,
  }: {
    readonly topics: readonly ITopicConfig[];
    readonly validateOnly?: boolean;
    readonly waitForLeaders?: boolean;
    readonly timeout?: number;
  }): Promise<boolean> {
    if (!Array.isArray(topics)) throw new KafkaJSNonRetriableError(`Invalid topics array ${JSON.stringify(topics)}`);
    if (validateOnly) throw new KafkaJSNotImplemented('createTopics: validateOnly is not supported');
    const failed: KafkaJSCreateTopicError[] = [];
    let areNew = true;
    for (const each of topics) {
      const error = await this.#createTopic(each);
      if (error?.type === 'TOPIC_ALREADY_EXISTS') areNew = false;
      else if (error) failed.push(error);
    }
    if (failed.length > 0) throw new KafkaJSAggregateError('Topic creation errors', failed);
    return areNew;
  }

  async #createTopic({
    topic,
    numPartitions = 1,
    configEntries = [],
  }: ITopicConfig): Promise<KafkaJSCreateTopicError | undefined> {
    const config = Object.fromEntries(configEntries.map(({ name, value }) => [name, value]));
    const partitions = numPartitions === -1 ? 1 : numPartitions;
    try {
      await this.#admin.createTopics({ topics: [{ topic, partitions, config }] });
      return undefined;
    } catch (error) {
      if (!isClientError(error)) throw error;
      const known = converted(error);
      if (known instanceof KafkaJSProtocolError) return new KafkaJSCreateTopicError(known, topic, { cause: error });
      throw known;
    }
  }

  async deleteTopics({ topics }: { readonly topics: readonly string[]; readonly timeout?: number }): Promise<void> {
    await converting(() => this.#admin.deleteTopics({ topics }));
  }

  /** `count` is the new total. */
  async createPartitions({
    topicPartitions,
  }: {
    readonly topicPartitions: readonly { readonly topic: string; readonly count: number }[];
    readonly validateOnly?: boolean;
    readonly timeout?: number;
  }): Promise<void> {
    for (const { topic, count } of topicPartitions)
      await converting(() => this.#admin.createPartitions({ topic, partitions: count }));
  }

  async fetchTopicMetadata({ topics }: { readonly topics?: readonly string[] } = {}): Promise<{
    topics: { name: string; partitions: PartitionMetadata[] }[];
  }> {
    const all = await converting(() => this.#admin.listTopics());
    const known = new Map(all.map(({ topic, partitions }) => [topic, partitions]));
    const names = topics && topics.length > 0 ? topics : [...known.keys()];
    return { topics: names.map((name) => ({ name, partitions: partitionMetadata(known.get(name) ?? missing(name)) })) };
  }

  async fetchTopicOffsets(topic: string) {
    const all = await converting(() => this.#admin.fetchTopicOffsets(topic));
    return all.map(({ partition, earliest, latest }) => ({
      ...{ partition, offset: String(latest), high: String(latest), low: String(earliest) },
    }));
  }

  /** As in KafkaJS, a partition without such a record gets its end. */
  async fetchTopicOffsetsByTimestamp(topic: string, timestamp?: number): Promise<SeekEntry[]> {
    const ends = await this.fetchTopicOffsets(topic);
    if (timestamp === undefined) return ends.map(({ partition, offset }) => ({ partition, offset }));
    const found = await converting(() => this.#admin.fetchTopicOffsetsByTimestamp(topic, timestamp));
    const offsets = new Map(found.map(({ partition, offset }) => [partition, offset]));
    return ends.map(({ partition, high }) => {
      const offset = offsets.get(partition) ?? -1;
      return { partition, offset: offset < 0 ? high : String(offset) };
    });
  }

  async deleteTopicRecords({ topic, partitions }: TopicOffsets): Promise<void> {
    const wanted = partitions.map(({ partition, offset }) => ({ partition, offset: wholeText('offset', offset) }));
    try {
      await this.#admin.deleteTopicRecords({ topic, partitions: wanted });
    } catch (error) {
      if (!isClientError(error) || error.partition === undefined) throw isClientError(error) ? converted(error) : error;
      const { partition } = error;
      const offset = String(wanted.find((one) => one.partition === partition)?.offset ?? -1);
      throw new KafkaJSDeleteTopicRecordsError({ partitions: [{ partition, offset, error: converted(error) }] });
    }
  }

  // --- configurations

  async describeConfigs({
    resources,
  }: {
    readonly resources: readonly {
      readonly type: number;
      readonly name: string;
      readonly configNames?: readonly string[];
    }[];
    readonly includeSynonyms?: boolean;
  }) {
    const described = resources.map(async ({ type, name, configNames }) => {
      onlyTopics(type);
      const { config } = await converting(() => this.#admin.describeTopic(name));
      const wanted = config.filter((entry) => !configNames?.length || configNames.includes(entry.name));
      return {
        ...{ errorCode: 0, errorMessage: null, resourceType: type, resourceName: name },
        configEntries: wanted.map(({ name: configName, value, isDefault }) => ({
          ...{ configName, configValue: value, readOnly: false, isDefault, isSensitive: false, configSynonyms: [] },
          configSource: isDefault ? ConfigSource.DEFAULT_CONFIG : ConfigSource.TOPIC_CONFIG,
        })),
      };
    });
    return { resources: await Promise.all(described), throttleTime: 0 };
  }

  /** As in Kafka, what is not named gets its default again. */
  async alterConfigs({
    resources,
    validateOnly = false,
  }: {
    readonly resources: readonly {
      readonly type: number;
      readonly name: string;
      readonly configEntries: readonly ConfigEntry[];
    }[];
    readonly validateOnly?: boolean;
  }) {
    if (validateOnly) throw new KafkaJSNotImplemented('alterConfigs: validateOnly is not supported');
    for (const { type, name, configEntries } of resources) {
      onlyTopics(type);
      await converting(async () => {
        const { config } = await this.#admin.describeTopic(name);
        const reset = config.filter(({ isDefault }) => !isDefault).map((entry) => [entry.name, null]);
        const set = configEntries.map((entry) => [entry.name, entry.value]);
        await this.#admin.alterTopic({ topic: name, config: Object.fromEntries([...reset, ...set]) });
      });
    }
    return {
      resources: resources.map(({ type, name }) => ({
        ...{ errorCode: 0, errorMessage: null, resourceType: type, resourceName: name },
      })),
      throttleTime: 0,
    };
  }

  // --- groups

  async listGroups() {
    const groups = await converting(() => this.#admin.listGroups());
    return { groups: groups.map(({ groupId, protocolType = 'consumer' }) => ({ groupId, protocolType })) };
  }

  /** Members' metadata and assignments are empty: they are bytes of the classic protocol, which these members do not speak. */
  async describeGroups(groupIds: readonly string[]) {
    const groups = await converting(() => this.#admin.describeGroups(groupIds));
    return {
      groups: groups.map(({ groupId, state, assignor, protocolType = 'consumer', memberDetails }) => ({
        ...{ errorCode: 0, groupId, state, protocolType, protocol: assignor },
        members: memberDetails.map(({ memberId, clientId, host }) => ({
          ...{
            memberId,
            clientId,
            clientHost: host,
            memberMetadata: Buffer.alloc(0),
            memberAssignment: Buffer.alloc(0),
          },
        })),
      })),
    };
  }

  async deleteGroups(groupIds: readonly string[]) {
    const done: { groupId: string; errorCode: 0 }[] = [];
    const failed: FailedGroup[] = [];
    for (const groupId of groupIds) {
      try {
        await this.#admin.deleteGroups([groupId]);
        done.push({ groupId, errorCode: 0 });
      } catch (error) {
        if (!isClientError(error)) throw error;
        const known = converted(error);
        failed.push({ groupId, errorCode: known instanceof KafkaJSProtocolError ? known.code : -1, error: known });
      }
    }
    if (failed.length > 0) throw new KafkaJSDeleteGroupsError('Error in DeleteGroups', failed);
    return done;
  }

  /** With `resolveOffsets`, a partition without a commit gets the end of the log, where a consumer would begin. */
  async fetchOffsets({
    groupId,
    topics,
    resolveOffsets = false,
  }: {
    readonly groupId: string;
    readonly topics?: readonly string[];
    readonly resolveOffsets?: boolean;
  }) {
    const wanted = topics?.map((topic) => ({ topic }));
    const all = await converting(() => this.#admin.fetchOffsets({ groupId, ...(wanted && { topics: wanted }) }));
    return Promise.all(
      all.map(async ({ topic, partitions }) => {
        const ends = resolveOffsets ? await this.fetchTopicOffsets(topic) : [];
        return {
          topic,
          partitions: partitions.map(({ partition, offset, metadata }) => ({
            ...{ partition, metadata: metadata || null },
            offset: String(offset < 0 ? (ends.find((end) => end.partition === partition)?.high ?? offset) : offset),
          })),
        };
      }),
    );
  }

  async setOffsets({ groupId, topic, partitions }: TopicOffsets & { readonly groupId: string }): Promise<void> {
    const offsets = partitions.map(({ partition, offset }) => ({ partition, offset: wholeText('offset', offset) }));
    await converting(() => this.#admin.setOffsets({ groupId, topic, partitions: offsets }));
  }

  async resetOffsets({
    groupId,
    topic,
    earliest = false,
  }: {
    readonly groupId: string;
    readonly topic: string;
    readonly earliest?: boolean;
  }): Promise<void> {
    const target = { to: earliest ? 'earliest' : 'latest' } as const;
    await converting(() => this.#admin.resetOffsets({ groupId, topics: [{ topic, target }] }));
  }

  // --- the cluster

  async describeCluster() {
    const { host, port } = this.#context;
    return { brokers: [{ nodeId: 1, host, port }], controller: 1, clusterId: 'rivulet' };
  }

  createAcls = () => notHere('createAcls', 'rights are policies of AWS IAM');
  deleteAcls = () => notHere('deleteAcls', 'rights are policies of AWS IAM');
  describeAcls = () => notHere('describeAcls', 'rights are policies of AWS IAM');
  alterPartitionReassignments = () => notHere('alterPartitionReassignments', 'there are no brokers');
  listPartitionReassignments = async () => ({ topics: [] });
}

function missing(topic: string): never {
  const message = `This server does not host this topic-partition: ${topic}`;
  throw new KafkaJSProtocolError({ message, type: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3, retriable: true });
}

function onlyTopics(type: number): void {
  if (type !== ConfigResourceTypes.TOPIC)
    throw new KafkaJSNotImplemented(
      `type: expected ${ConfigResourceTypes.TOPIC} (TOPIC), because there are no brokers, got ${type}`,
    );
}

async function notHere(what: string, why: string): Promise<never> {
  throw new KafkaJSNotImplemented(`${what} is not supported: ${why}`);
}
