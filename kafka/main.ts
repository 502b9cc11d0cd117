// Puts the Kafka listener together over an engine.
import type { Engine } from '../lib/api/engine.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import { nodeId } from './cluster.ts';
import { createHeartbeatNumbers } from './heartbeat-numbers.ts';
import type { Limits } from './limits.ts';
import { createChains } from './produce/chain.ts';
import { type KafkaServer, listenForKafka } from './server.ts';
import { createTopicNames } from './topic-names.ts';

export type KafkaOptions = {
  readonly engine: Engine;
  /** Stays the same for the same data: clients refuse a cluster whose id has changed. */
  readonly clusterId: string;
  readonly clock: Pick<Clock, 'monotonic' | 'now'>;
  /** An address of loopback. Default 127.0.0.1: clients try ::1 first for localhost. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Whether a topic that a client asks for is created if it is missing. Default true, as in Apache Kafka. */
  readonly autoCreateTopics?: boolean;
  /** The partitions of a topic that is created in this way. Default 1, as in Apache Kafka. */
  readonly numPartitions?: number;
  /** Receives the reason when a connection is closed for more than its client's leaving. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<Limits>;
};

export function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const { engine, clusterId, clock, host = '127.0.0.1', port = 0, onError, limits } = options;
  const { autoCreateTopics = true, numPartitions = 1 } = options;
  const chains = createChains();
  const names = createTopicNames(engine, clock);
  const heartbeatNumbers = createHeartbeatNumbers(clock);
  return listenForKafka({
    ...{ host, port, ...(limits && { limits }) },
    gatewayAt: (at, bound) => ({
      ...{ engine, names, chains, heartbeatNumbers, autoCreateTopics, numPartitions, onError },
      cluster: { clusterId, node: { nodeId, host: at, port: bound } },
    }),
  });
}
