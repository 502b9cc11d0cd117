// Settings by Kafka's property names, as Java programs and properties files have them. Each becomes an option of the SDK, or a
// note that it has no effect here, or is refused where taking it would mislead.
import { limits } from '../lib/api/limits.ts';
import { invalid } from './client-error.ts';
import type { ConsumerOptions } from './consumer/consumer-options.ts';
import type { ProducerOptions } from './producer/producer-options.ts';

export type KafkaProperties = Readonly<Record<string, string | number | boolean>>;

/** These options belong to the connection: give them to `new Rivulet`. */
export type ConnectionOptions = {
  readonly clientId?: string;
  readonly requestTimeoutMs?: number;
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
  | { readonly note: string }
  | { readonly none: true };

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
  'bootstrap.servers': refuse('expected the address of the service as `url`'),
  'security.protocol': refuse('expected AWS credentials, which sign each request'),
  'metadata.max.age.ms': noEffect('metadata is renewed every five minutes, and where an answer shows that it is old'),
};

const producerRows: Readonly<Record<string, Row<ProducerOptions>>> = {
  ...connectionRows,
  'linger.ms': (text) => ({ option: { lingerMs: whole(text, 0, longestMs) } }),
  'batch.size': (text) => ({ option: { batchSize: whole(text, 1) } }),
  'compression.type': (text) => ({
    option: { compression: oneOf(text, ['none', 'gzip', 'snappy', 'lz4', 'zstd']) },
  }),
  acks: (text) => {
    const acks = oneOf(text, ['all', '-1', '1']);
    return acks === '1' ? { note: 'is the same as all: a record is in S3 before its acknowledgement' } : { none: true };
  },
  'enable.idempotence': (text) => ({ option: { idempotent: truth(text) } }),
  'max.in.flight.requests.per.connection': (text) => ({ option: { maxInFlightRequests: whole(text, 1) } }),
  'buffer.memory': (text) => ({ option: { bufferMemory: whole(text, 1) } }),
  'max.request.size': (text) => atMost(text, 1_024, limits.binaryBodyBytes, (maxRequestBytes) => ({ maxRequestBytes })),
  'delivery.timeout.ms': (text) => ({ option: { deliveryTimeoutMs: whole(text, 1, longestMs) } }),
  'transactional.id': (text) => ({ option: { transactionalId: text } }),
  'transaction.timeout.ms': (text) => ({ option: { transactionTimeoutMs: whole(text, 1, 900_000) } }),
  retries: noEffect('a producer tries until delivery.timeout.ms'),
  'retry.backoff.ms': noEffect('the waits grow from 100 ms to 5 s, at random'),
  'max.block.ms': noEffect('send waits for memory as long as it takes'),
  'key.serializer': serializer,
  'value.serializer': serializer,
  'partitioner.class': refuse('expected none: keys go where Kafka sends them, and a message may name its partition'),
};

function serializer(text: string): Effect<never> {
  if (/(^|\.)(String|ByteArray)Serializer$/.test(text)) return { none: true };
  throw invalid(`expected StringSerializer or ByteArraySerializer, because values are text or bytes, got '${text}'`);
}

function deserializer(text: string): Effect<never> {
  if (/(^|\.)(String|ByteArray)Deserializer$/.test(text)) return { none: true };
  throw invalid(`expected StringDeserializer or ByteArrayDeserializer, because values are bytes, got '${text}'`);
}

const consumerRows: Readonly<Record<string, Row<ConsumerOptions>>> = {
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
  'key.deserializer': deserializer,
  'value.deserializer': deserializer,
};

/** The names that each takes, for help texts. */
export const producerPropertyNames = Object.keys(producerRows);
export const consumerPropertyNames = Object.keys(consumerRows);

/**
 * Reads the properties of a KafkaProducer. Throws RivuletClientError INVALID_REQUEST, naming the property.
 *
 * @example
 * const { options } = producerFromProperties({ 'linger.ms': 10, 'compression.type': 'zstd' });
 * const producer = rivulet.producer(options);
 */
export const producerFromProperties = (properties: KafkaProperties): FromProperties<ProducerOptions> =>
  read(properties, producerRows);

/** Reads the properties of a KafkaConsumer. Throws RivuletClientError INVALID_REQUEST, naming the property. */
export const consumerFromProperties = (properties: KafkaProperties): FromProperties<ConsumerOptions> =>
  read(properties, consumerRows);

function read<Options extends object>(
  properties: KafkaProperties,
  rows: Readonly<Record<string, Row<Options>>>,
): FromProperties<Options> {
  const effects = Object.entries(properties).map(
    ([name, value]) => [name, effectOf(name, String(value), rows)] as const,
  );
  const options = effects.map(([, effect]) => ('option' in effect ? effect.option : {}));
  const connections = effects.map(([, effect]) => ('connection' in effect ? effect.connection : {}));
  return {
    options: Object.assign({}, ...options) as Options,
    connection: Object.assign({}, ...connections) as ConnectionOptions,
    notes: effects.flatMap(([name, effect]) =>
      'note' in effect && effect.note !== undefined ? [`${name} ${effect.note}`] : [],
    ),
  };
}

function effectOf<Options>(name: string, text: string, rows: Readonly<Record<string, Row<Options>>>): Effect<Options> {
  if (!Object.hasOwn(rows, name)) throw invalid(`${name}: expected one of ${Object.keys(rows).join(', ')}`);
  try {
    return rows[name]!(text);
  } catch (error) {
    throw invalid(`${name}: ${(error as { detail?: string }).detail ?? String(error)}`);
  }
}
