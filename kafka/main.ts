// Puts the Kafka listener together over an engine.
import type { Engine } from '../lib/api/engine.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import type { OnAnswered } from './api.ts';
import type { Fetch } from './auth/sasl/bounded-fetch.ts';
import { openSecurity, type SecurityOptions } from './auth/security.ts';
import { createHeartbeatNumbers } from './heartbeat-numbers.ts';
import type { Limits } from './limits.ts';
import { createChains } from './produce/chain.ts';
import { type Address, type KafkaServer, listenForKafka } from './server.ts';
import { createTopicNames } from './topic-names.ts';

export type KafkaOptions = {
  readonly engine: Engine;
  /** Stays the same for the same data: clients refuse a cluster whose id has changed. */
  readonly clusterId: string;
  readonly clock: Pick<Clock, 'monotonic' | 'now'>;
  /** Any address but one of loopback needs TLS and rules. Default 127.0.0.1: clients try ::1 first for localhost. */
  readonly host?: string;
  /** The port of the first node; the others have those that follow. Default 0: any free ports. */
  readonly port?: number;
  /** Default: none, and every client may do everything. */
  readonly security?: SecurityOptions;
  /** Clients are told of so many nodes, each on a port of its own, and send requests to all of them. Default 1. */
  readonly nodes?: number;
  /** Where clients reach each node, if that is not where it listens. */
  readonly advertised?: readonly Address[];
  /** Whether a topic that a client asks for is created if it is missing. Default true, as in Apache Kafka. */
  readonly autoCreateTopics?: boolean;
  /** The partitions of a topic that is created in this way. Default 1, as in Apache Kafka. */
  readonly numPartitions?: number;
  /** Receives the reason when a connection is closed for more than its client's leaving. */
  readonly onError: (error: unknown) => void;
  /** Receives each request that was answered, for metrics. */
  readonly onAnswered?: OnAnswered;
  readonly limits?: Partial<Limits>;
  /** Asks the issuer of tokens for its keys, and STS. Default: the one of Node. */
  readonly fetch?: Fetch;
  /** How often the files of `security` are looked at. Default: two seconds. */
  readonly lookMs?: number;
};

/** Rejects, with a sentence for the person who started it, if it may not or cannot listen there. */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { engine, clusterId, clock, host = '127.0.0.1', port = 0, nodes: count = 1, advertised } = options;
  const { autoCreateTopics = true, numPartitions = 1, onError, limits, fetch, lookMs, onAnswered } = options;
  const chains = createChains();
  const names = createTopicNames(engine, clock);
  const heartbeatNumbers = createHeartbeatNumbers(clock);
  const security = await openSecurity(options.security ?? {}, {
    ...{ host, clock, onError, ...(fetch && { fetch }), ...(lookMs !== undefined && { lookMs }) },
  });
  try {
    return await listenForKafka({
      ...{ host, security, clock, onError, ...(advertised && { advertised }), ...(limits && { limits }) },
      ports: Array.from({ length: count }, (_, i) => (port === 0 ? 0 : port + i)),
      gatewayAt: (nodes, listeners) => ({
        ...{ engine, names, chains, heartbeatNumbers, autoCreateTopics, numPartitions, onError },
        rightsOf: security.rightsOf,
        ...(onAnswered && { onAnswered }),
        cluster: { clusterId, nodes, listeners, securityProtocol: security.protocol },
      }),
    });
  } catch (error) {
    security.close();
    throw error;
  }
}
