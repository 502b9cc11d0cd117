// This is the SDK's entry point. A Rivulet has one endpoint, one identity and one pool of connections. Producers,
// consumers and the administration share them. The SDK speaks HTTP and nothing else.
import { type Clock, systemClock } from '../lib/runtime/clock.ts';
import type { Credentials } from '../lib/sigv4/canonical.ts';
import { Admin } from './admin/admin.ts';
import { invalid } from './client-error.ts';
import { Consumer } from './consumer/consumer.ts';
import type { ConsumerOptions } from './consumer/consumer-options.ts';
import { ExactlyOnce, type ExactlyOnceOptions, newTransactionalId } from './exactly-once.ts';
import type { MessageBytes } from './message.ts';
import { Producer } from './producer/producer.ts';
import type { ProducerOptions } from './producer/producer-options.ts';
import { createTopicMetadataCache, type TopicMetadataCache } from './producer/topic-metadata.ts';
import { checkTracing, type Tracing } from './tracing.ts';
import { type Connection, openConnection } from './transport/connection.ts';
import { type CredentialsProvider, credentialsFor, regionFor } from './transport/credentials.ts';
import { type RetryHooks, watchConnection } from './transport/outage.ts';
import { type RetryOptions, type RetryPolicy, retryPolicy } from './transport/retry.ts';
import { checkFunctions, wholeOption } from './whole-option.ts';

export { isClientError, RivuletClientError } from './client-error.ts';
export type { ConsumerOptions, TopicPartition } from './consumer/consumer-options.ts';
export type { MessageBatch } from './consumer/handlers.ts';
export type { ConsumedMessage, Message, MessageHeaders } from './message.ts';
export type { ProducerOptions } from './producer/producer-options.ts';
export type { Transaction } from './producer/transaction.ts';
export type { RecordMetadata } from './record-metadata.ts';
export {
  bytesSerde,
  type Deserializer,
  doubleSerde,
  floatSerde,
  integerSerde,
  jsonSerde,
  longSerde,
  type Serde,
  type Serializer,
  shortSerde,
  stringSerde,
} from './serdes.ts';
export type { Admin, Consumer, Credentials, CredentialsProvider, ExactlyOnce, ExactlyOnceOptions, Producer };

export type RivuletOptions = RetryHooks & {
  /** The address of the API, as the stack or the local server prints it. */
  readonly url: string;
  /**
   * The default is local/local on loopback, and elsewhere AWS's own chain (environment, profile, role). `none` signs nothing,
   * for a page that calls a proxy which signs.
   */
  readonly credentials?: Credentials | CredentialsProvider | 'none';
  /** A profile of AWS's configuration files, for the chain. It is not read where the option credentials is given. */
  readonly profile?: string;
  /**
   * The region, for addresses that do not reveal it: those of API Gateway do. The default on loopback is us-east-1,
   * whatever AWS_REGION says.
   */
  readonly region?: string;
  /** Goes into the User-Agent header and to groups: 1 to 249 printable ASCII characters. Default `client`. */
  readonly clientId?: string;
  readonly retry?: RetryOptions;
  /** The timeout of one request, milliseconds. A long poll adds its wait. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** For all producers and consumers that have no `tracing` of their own: `openTelemetry()` of `rivulet/opentelemetry`. */
  readonly tracing?: Tracing;
};

type Context = {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  readonly requestTimeoutMs: number;
  readonly clientId: string;
};

export class Rivulet {
  readonly #context: Context;
  readonly #metadata: TopicMetadataCache;
  readonly #shared: { readonly tracing?: Tracing };

  /** Throws RivuletClientError INVALID_REQUEST for options that cannot be used. */
  constructor(options: RivuletOptions) {
    const clock = systemClock;
    const url = parseUrl(options.url);
    const retry = retryPolicy(options.retry);
    const clientId = clientIdOf(options.clientId);
    checkFunctions(options, ['onRetry', 'onRecovery']);
    const requestTimeoutMs = wholeOption('requestTimeoutMs', options.requestTimeoutMs, { fallback: 30_000, min: 1 });
    const unwatched = openConnection({
      url,
      region: regionFor(url, options.region),
      credentials: credentialsFor(url, options.credentials, profileOf(options.profile)),
      clientId,
      requestTimeoutMs,
      clock,
    });
    const connection = watchConnection(unwatched, clock, options);
    this.#context = { connection, clock, retry, requestTimeoutMs, clientId };
    this.#metadata = createTopicMetadataCache(connection, clock, retry);
    const tracing = checkTracing(options.tracing);
    this.#shared = tracing ? { tracing } : {};
  }

  producer<K = MessageBytes, V = MessageBytes>(options: ProducerOptions<K, V> = {}): Producer<K, V> {
    return new Producer<K, V>({ ...this.#context, metadata: this.#metadata }, { ...this.#shared, ...options });
  }

  consumer<K = Buffer, V = Buffer>(options: ConsumerOptions<K, V> = {}): Consumer<K, V> {
    return new Consumer<K, V>(this.#context, { ...this.#shared, ...options });
  }

  /**
   * Reads, transforms and writes, so that every message has its effect once, whatever dies on the way. The results and the
   * offsets of a batch are committed in one transaction.
   *
   * @example
   * const work = rivulet.exactlyOnce({
   *   groupId: 'billing', from: 'orders', to: 'invoices',
   *   transform: (order) => ({ key: order.key, value: invoiceFor(order.value) }),
   * });
   * await work.run();
   */
  exactlyOnce<K = Buffer, V = Buffer, RK = MessageBytes, RV = MessageBytes>(
    options: ExactlyOnceOptions<K, V, RK, RV>,
  ): ExactlyOnce<K, V, RK, RV> {
    const { groupId, consumer = {}, producer = {} } = options;
    const transactionalId = newTransactionalId(groupId, this.#context.clock);
    return new ExactlyOnce(options, {
      consumer: this.consumer<K, V>({ autoOffsetReset: 'earliest', ...consumer, groupId, autoCommit: false }),
      // A batch is sent as a whole: nothing more comes for which it could wait.
      producer: this.producer<RK, RV>({ lingerMs: 0, ...producer, transactionalId }),
    });
  }

  admin(): Admin {
    const { connection, clock, retry } = this.#context;
    return new Admin(connection, clock, retry);
  }
}

/** Throws RivuletClientError INVALID_REQUEST. */
export function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    throw invalid(`url: expected an address like http://127.0.0.1:9292 or https://host, got '${url}'`);
  // The error does not repeat the value, because it may hold a password.
  if (parsed.username || parsed.password)
    throw invalid('url: expected an address without user and password: use the option credentials');
  if (parsed.search || parsed.hash) throw invalid(`url: expected an address without ? and #, got ${url}`);
  if (parsed.protocol === 'http:' && parsed.hostname.endsWith('.amazonaws.com'))
    throw invalid(`url: expected https://, because API Gateway speaks nothing else, got ${url}`);
  return parsed;
}

function profileOf(given: string | undefined): string | undefined {
  if (given === undefined || (typeof given === 'string' && given !== '')) return given;
  throw invalid(`profile: expected the name of a profile, got ${JSON.stringify(given)}`);
}

function clientIdOf(given: string = 'client'): string {
  if (typeof given === 'string' && /^[!-~]([ -~]{0,247}[!-~])?$/.test(given)) return given;
  throw invalid(`clientId: expected 1 to 249 printable ASCII characters, got ${JSON.stringify(given)}`);
}
