// `new Kafka(...)` as KafkaJS has it. The broker is the address of the service.
import type { Consumer as SdkConsumer } from '../consumer/consumer.ts';
import { Rivulet, type RivuletOptions } from '../rivulet.ts';
import { Admin } from './admin.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerConfig } from './consumer-config.ts';
import { KafkaJSNonRetriableError, kafkaJsError } from './errors.ts';
import { createLogger, type LogCreator, type Logger } from './logger.ts';
import { Producer, type ProducerConfig } from './producer.ts';
import { defaultRetry, type Retry, sdkRetry } from './retry.ts';

export type KafkaConfig = {
  /** The first one counts: the address of the API, like `https://abc.execute-api.eu-central-1.amazonaws.com`, or localhost:9292. */
  readonly brokers: readonly string[] | (() => readonly string[] | Promise<readonly string[]>);
  readonly clientId?: string;
  readonly requestTimeout?: number;
  readonly retry?: Partial<Retry>;
  readonly logLevel?: number;
  readonly logCreator?: LogCreator;
  /** The SDK's own options. Requests are signed by AWS's rules. */
  readonly rivulet?: Pick<RivuletOptions, 'credentials' | 'region' | 'tracing'>;
  /** No effect: an https address is encrypted. */
  readonly ssl?: unknown;
  /** Refused: credentials are AWS's, and a user name would protect nothing. */
  readonly sasl?: unknown;
  readonly connectionTimeout?: number;
  readonly authenticationTimeout?: number;
  readonly enforceRequestTimeout?: boolean;
  readonly socketFactory?: unknown;
};

export class Kafka {
  readonly #logger: Logger;
  readonly #retry: Retry;
  readonly #url: URL;
  readonly #rivulet: Rivulet;
  readonly #reading = new Map<string, Set<SdkConsumer>>();

  constructor(config: KafkaConfig) {
    if (config.sasl !== undefined)
      throw new KafkaJSNonRetriableError(
        'sasl: expected none, because requests are signed with AWS credentials: take it out, and set rivulet.credentials if the default chain does not do',
      );
    this.#logger = createLogger(config.logLevel, config.logCreator);
    this.#retry = { ...defaultRetry, ...config.retry };
    this.#url = addressOf(config.brokers);
    const { clientId, requestTimeout, rivulet } = config;
    this.#rivulet = refusing(
      () =>
        new Rivulet({
          ...{ url: this.#url.href, retry: sdkRetry(this.#retry), ...rivulet },
          ...(clientId !== undefined && { clientId }),
          ...(requestTimeout !== undefined && { requestTimeoutMs: requestTimeout }),
        }),
    );
  }

  producer(config: ProducerConfig = {}): Producer {
    return new Producer(
      {
        logger: this.#logger.namespace('Producer'),
        newProducer: (options) => refusing(() => this.#rivulet.producer(options)),
        consumersOf: (groupId) => [...(this.#reading.get(groupId) ?? [])],
      },
      config,
    );
  }

  consumer(config: ConsumerConfig): Consumer {
    const admin = this.admin();
    return new Consumer(
      {
        logger: this.#logger.namespace('Consumer'),
        retry: this.#retry,
        newConsumer: (options) => this.#rivulet.consumer(options),
        topicNames: () => admin.listTopics(),
        describeGroup: async (groupId) => (await admin.describeGroups([groupId])).groups[0],
        reading: (groupId, consumer) => this.#register(groupId, consumer),
      },
      config,
    );
  }

  admin(_config: { readonly retry?: Partial<Retry> } = {}): Admin {
    const { hostname, port, protocol } = this.#url;
    return new Admin({
      ...{ logger: this.#logger.namespace('Admin'), admin: this.#rivulet.admin(), host: hostname },
      port: Number(port || (protocol === 'https:' ? 443 : 80)),
    });
  }

  logger(): Logger {
    return this.#logger;
  }

  #register(groupId: string, consumer: SdkConsumer): () => void {
    const known = this.#reading.get(groupId) ?? new Set();
    this.#reading.set(groupId, known.add(consumer));
    return () => void known.delete(consumer);
  }
}

/** `localhost:9292` is a service on this machine. Elsewhere an address without a protocol is https. */
function addressOf(brokers: KafkaConfig['brokers']): URL {
  const first: unknown = Array.isArray(brokers) ? brokers[0] : undefined;
  if (typeof first !== 'string' || first === '')
    throw new KafkaJSNonRetriableError(
      `brokers: expected a list with the address of the service, like ['http://127.0.0.1:9292'], got ${typeof brokers === 'function' ? 'a function' : JSON.stringify(brokers)}`,
    );
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|$)/.test(first);
  const address = /^https?:\/\//.test(first) ? first : `${isLocal ? 'http' : 'https'}://${first}`;
  if (URL.canParse(address)) return new URL(address);
  throw new KafkaJSNonRetriableError(`brokers: expected an address, got ${JSON.stringify(first)}`);
}

/** Options are refused immediately, in KafkaJS's error. */
function refusing<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw kafkaJsError(error);
  }
}
