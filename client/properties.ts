// Settings by Kafka's property names, as Java programs and properties files have them. Each becomes an option of the SDK, or a
// note that it has no effect here, or is refused where taking it would mislead.
import { limits } from '../lib/api/limits.ts';
import { invalid } from './client-error.ts';
import type { ConsumerOptions } from './consumer/consumer-options.ts';
import type { MessageBytes } from './message.ts';
import type { Acks, ProducerOptions } from './producer/producer-options.ts';
import {
  bytesSerde,
  doubleSerde,
  floatSerde,
  integerSerde,
  longSerde,
  type Serde,
  shortSerde,
  stringSerde,
} from './serdes.ts';
import type { RetryOptions } from './transport/retry.ts';

export type KafkaProperties = Readonly<Record<string, string | number | boolean>>;

/** These options belong to the connection: give them to `new Rivulet`. */
export type ConnectionOptions = {
  readonly clientId?: string;
  readonly requestTimeoutMs?: number;
  readonly retry?: RetryOptions;
};

export type FromProperties<Options> = {
  readonly options: Options;
  readonly connection: ConnectionOptions;
  /** Sentences about properties without an effect, each beginning with the property. */
  readonly notes: readonly string[];
};

type Effect<Options> =
  | { readonly option: Options; readonly note?: string }
  | { readonly connection: ConnectionOptions }
  | { readonly note: string };

type AnyProducerOptions = ProducerOptions<unknown, unknown>;
type Row<Options> = (text: string) => Effect<Options>;

const longestMs = 2_147_483_647;

/** The values of a property are texts in a file, and numbers and booleans in a program. */
function whole(text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalid(`expected a whole number from ${min} to ${max}, got '${text}'`);
}

function truth(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw invalid(`expected true or false, got '${text}'`);
}

function oneOf<T extends string>(text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw invalid(`expected one of ${known.join(', ')}, got '${text}'`);
}

/** A value above our own bound counts as the bound, and gets a note. */
function atMost<Options>(text: string, min: number, max: number, option: (value: number) => Options): Effect<Options> {
  const value = whole(text, min);
  if (value <= max) return { option: option(value) };
  return { option: option(max), note: `counts as ${max}, which is the most here` };
}

const noEffect =
  (why: string): Row<never> =>
  () => ({ note: `has no effect: ${why}` });

const refuse =
  (why: string): Row<never> =>
  (text) => {
    throw invalid(`${why}, got '${text}'`);
  };

const connectionRows: Readonly<Record<string, Row<never>>> = {
  'client.id': (text) => ({ connection: { clientId: text } }),
  'request.timeout.ms': (text) => ({ connection: { requestTimeoutMs: whole(text, 1, longestMs) } }),
  'retry.backoff.ms': (text) => ({ connection: { retry: { baseMs: whole(text, 0, longestMs) } } }),
  'retry.backoff.max.ms': (text) => ({ connection: { retry: { capMs: whole(text, 0, longestMs) } } }),
  'bootstrap.servers': refuse('expected the address of the service as `url`'),
  'security.protocol': refuse('expected AWS credentials, which sign each request'),
  'metadata.max.age.ms': noEffect('metadata is renewed every five minutes, and where an answer shows that it is old'),
};

const ackNotes: Readonly<Record<string, string>> = {
  '0': 'means that nothing is known of a record, only the option onSendError gets errors, and repeats may write twice',
  '1': 'is the same as all: a record is in S3 before its acknowledgement',
};

const producerRows: Readonly<Record<string, Row<AnyProducerOptions>>> = {
  ...connectionRows,
  'linger.ms': (text) => ({ option: { lingerMs: whole(text, 0, longestMs) } }),
  'batch.size': (text) => ({ option: { batchSize: whole(text, 1) } }),
  'compression.type': (text) => ({
    option: { compression: oneOf(text, ['none', 'gzip', 'snappy', 'lz4', 'zstd']) },
  }),
  acks: (text) => {
    const acks = oneOf(text, ['all', '-1', '0', '1']);
    const option = { acks: acks === 'all' ? acks : (Number(acks) as Acks) };
    const note = ackNotes[acks];
    return note === undefined ? { option } : { option, note };
  },
  'enable.idempotence': (text) => ({ option: { idempotent: truth(text) } }),
  'max.in.flight.requests.per.connection': (text) => ({ option: { maxInFlightRequests: whole(text, 1) } }),
  'buffer.memory': (text) => ({ option: { bufferMemory: whole(text, 1) } }),
  'max.request.size': (text) => atMost(text, 1_024, limits.binaryBodyBytes, (maxRequestBytes) => ({ maxRequestBytes })),
  'delivery.timeout.ms': (text) => ({ option: { deliveryTimeoutMs: whole(text, 1, longestMs) } }),
  'transactional.id': (text) => ({ option: { transactionalId: text } }),
  'transaction.timeout.ms': (text) => ({ option: { transactionTimeoutMs: whole(text, 1, 900_000) } }),
  retries: (text) => ({ option: { retries: whole(text, 0, longestMs) } }),
  'max.block.ms': noEffect('send waits for memory as long as it takes'),
  'key.serializer': (text) => ({ option: { keySerializer: serdeOf(text, 'Serializer') } }),
  'value.serializer': (text) => ({ option: { valueSerializer: serdeOf(text, 'Serializer') } }),
  'partitioner.class': (text) => {
    const name = text.replace(/^org\.apache\.kafka\.clients\.producer\.(internals\.)?/, '');
    if (Object.hasOwn(partitioners, name)) return { option: partitioners[name]! };
    const names = Object.keys(partitioners).join(', ');
    throw invalid(`expected one of ${names}, or a function as the option partitioner, got '${text}'`);
  },
  'partitioner.ignore.keys': (text) => ({ option: { partitionerIgnoreKeys: truth(text) } }),
};

const partitioners: Readonly<Record<string, AnyProducerOptions>> = {
  DefaultPartitioner: { partitioner: 'default' },
  RoundRobinPartitioner: { partitioner: 'round-robin' },
  UniformStickyPartitioner: { partitioner: 'default', partitionerIgnoreKeys: true },
};

/** The types of Kafka's serializers and deserializers, by the beginning of the class name. */
const serdes: Readonly<Record<string, Serde<unknown>>> = {
  String: stringSerde,
  ByteArray: bytesSerde,
  Bytes: bytesSerde,
  Short: shortSerde,
  Integer: integerSerde,
  Long: longSerde,
  Float: floatSerde,
  Double: doubleSerde,
};

/** @param text Kafka's class name, with or without its package. Throws RivuletClientError INVALID_REQUEST. */
export function serdeOf(text: string, kind: 'Serializer' | 'Deserializer'): Serde<unknown> {
  const name = text.replace(/^org\.apache\.kafka\.common\.serialization\./, '');
  const type = name.endsWith(kind) ? name.slice(0, -kind.length) : '';
  if (Object.hasOwn(serdes, type)) return serdes[type]!;
  const names = Object.keys(serdes).map((known) => known + kind);
  throw invalid(`expected one of ${names.join(', ')}, got '${text}'`);
}

const consumerRows: Readonly<Record<string, Row<ConsumerOptions<unknown, unknown>>>> = {
  ...connectionRows,
  'group.id': (text) => ({ option: { groupId: text } }),
  'group.instance.id': (text) => ({ option: { groupInstanceId: text } }),
  'group.remote.assignor': (text) => ({ option: { assignor: oneOf(text, ['uniform', 'range']) } }),
  'partition.assignment.strategy': (text) => {
    if (/^([\w.]+\.)?RangeAssignor$/.test(text)) return { option: { assignor: 'range' } };
    return { note: 'means the assignor uniform here, which moves as few partitions as it can' };
  },
  'enable.auto.commit': (text) => ({ option: { autoCommit: truth(text) } }),
  'auto.commit.interval.ms': (text) => ({ option: { autoCommitIntervalMs: whole(text, 1, longestMs) } }),
  'auto.offset.reset': (text) => ({ option: { autoOffsetReset: oneOf(text, ['earliest', 'latest', 'none']) } }),
  'max.poll.records': (text) => ({ option: { maxPollRecords: whole(text, 1) } }),
  'max.poll.interval.ms': (text) => ({ option: { maxPollIntervalMs: whole(text, 1, limits.maxRebalanceTimeoutMs) } }),
  'session.timeout.ms': (text) => ({
    option: { sessionTimeoutMs: whole(text, limits.minSessionTimeoutMs, limits.maxSessionTimeoutMs) },
  }),
  'heartbeat.interval.ms': (text) => ({ option: { heartbeatIntervalMs: whole(text, limits.minHeartbeatIntervalMs) } }),
  'fetch.min.bytes': (text) => ({ option: { minBytes: whole(text, 0, limits.fetchBytes) } }),
  'fetch.max.bytes': (text) => atMost(text, 1, limits.fetchBytes, (maxBytes) => ({ maxBytes })),
  'max.partition.fetch.bytes': (text) =>
    atMost(text, 1, limits.fetchBytes, (maxBytesPerPartition) => ({ maxBytesPerPartition })),
  'fetch.max.wait.ms': (text) => atMost(text, 0, limits.waitMs, (maxWaitMs) => ({ maxWaitMs })),
  'isolation.level': (text) => {
    oneOf(text, ['read_committed', 'read_uncommitted']);
    return { note: 'has no effect: nothing that is not committed can be read' };
  },
  'client.rack': noEffect('the storage is in all zones'),
  'key.deserializer': (text) => ({ option: { keyDeserializer: serdeOf(text, 'Deserializer') } }),
  'value.deserializer': (text) => ({ option: { valueDeserializer: serdeOf(text, 'Deserializer') } }),
};

/** The names that each takes, for help texts. */
export const producerPropertyNames = Object.keys(producerRows);
export const consumerPropertyNames = Object.keys(consumerRows);

/**
 * Reads the properties of a KafkaProducer. `K` and `V` are what the serializers that it names take, which nothing checks, as in
 * Java. Throws RivuletClientError INVALID_REQUEST, naming the property.
 *
 * @example
 * const { options } = producerFromProperties({ 'linger.ms': 10, 'compression.type': 'zstd' });
 * const producer = rivulet.producer(options);
 */
export const producerFromProperties = <K = MessageBytes, V = MessageBytes>(
  properties: KafkaProperties,
): FromProperties<ProducerOptions<K, V>> => read(properties, producerRows as Rows<ProducerOptions<K, V>>);

/**
 * Reads the properties of a KafkaConsumer. `K` and `V` are what the deserializers that it names make. Throws RivuletClientError
 * INVALID_REQUEST, naming the property.
 *
 * @example
 * const { options } = consumerFromProperties<string, bigint>({
 *   'key.deserializer': 'StringDeserializer', 'value.deserializer': 'LongDeserializer',
 * });
 */
export const consumerFromProperties = <K = Buffer, V = Buffer>(
  properties: KafkaProperties,
): FromProperties<ConsumerOptions<K, V>> => read(properties, consumerRows as Rows<ConsumerOptions<K, V>>);

type Rows<Options> = Readonly<Record<string, Row<Options>>>;

function read<Options extends object>(properties: KafkaProperties, rows: Rows<Options>): FromProperties<Options> {
  const effects = Object.entries(properties).map(
    ([name, value]) => [name, effectOf(name, String(value), rows)] as const,
  );
  const options = effects.map(([, effect]) => ('option' in effect ? effect.option : {}));
  const connections: readonly ConnectionOptions[] = effects.map(([, effect]) =>
    'connection' in effect ? effect.connection : {},
  );
  return {
    options: Object.assign({}, ...options) as Options,
    connection: connections.reduce(joined, {}),
    notes: effects.flatMap(([name, effect]) =>
      'note' in effect && effect.note !== undefined ? [`${name} ${effect.note}`] : [],
    ),
  };
}

function joined(one: ConnectionOptions, other: ConnectionOptions): ConnectionOptions {
  const retry = { ...one.retry, ...other.retry };
  return { ...one, ...other, ...(Object.keys(retry).length > 0 && { retry }) };
}

function effectOf<Options>(name: string, text: string, rows: Rows<Options>): Effect<Options> {
  if (!Object.hasOwn(rows, name)) throw invalid(`${name}: expected one of ${Object.keys(rows).join(', ')}`);
  try {
    return rows[name]!(text);
  } catch (error) {
    throw invalid(`${name}: ${(error as { detail?: string }).detail ?? String(error)}`);
  }
}
