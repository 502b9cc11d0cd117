// Puts the Kafka listener together over an engine.
import type { Engine } from '../lib/api/engine.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import type { Limits } from './limits.ts';
import { createChains } from './produce/chain.ts';
import { type Address, type KafkaServer, listenForKafka } from './server.ts';
import { createTopicNames } from './topic-names.ts';

export type KafkaOptions = {
  readonly engine: Engine;
  /** Stays the same for the same data: clients refuse a cluster whose id has changed. */
  readonly clusterId: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** An address of loopback. Default 127.0.0.1: clients try ::1 first for localhost. */
  readonly host?: string;
  /** The port of the first node; the others have those that follow. Default 0: any free ports. */
  readonly port?: number;
  /** Clients are told of so many nodes, each on a port of its own, and send requests to all of them. Default 1. */
  readonly nodes?: number;
  /** Where clients reach each node, if that is not where it listens. */
  readonly advertised?: readonly Address[];
  /** Whether a topic that a client asks for is created if it is missing. Default true, as in Apache Kafka. */
  readonly autoCreateTopics?: boolean;
  /** Receives the reason when a connection is closed for more than its client's leaving. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<Limits>;
};

export function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { engine, clusterId, clock, host = '127.0.0.1', port = 0, nodes = 1, advertised } = options;
  const { autoCreateTopics = true, onError, limits } = options;
  const chains = createChains();
  const names = createTopicNames(engine, clock);
  return listenForKafka({
    ...{ host, ports: Array.from({ length: nodes }, (_, i) => (port === 0 ? 0 : port + i)) },
    ...(advertised && { advertised }),
    ...(limits && { limits }),
    gatewayAt: (bound) => ({
      ...{ engine, names, chains, autoCreateTopics, onError },
      cluster: { clusterId, nodes: bound },
    }),
  });
}
