// `rivulet serve` also speaks Kafka's protocol, on loopback unless the options say more. If the port is taken, HTTP is served
// alone: another Kafka may run on this machine.
import type { KafkaOptions } from '../kafka/main.ts';
import type { KafkaServer } from '../kafka/server.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import type { Backend } from '../local/backend.ts';
import { reportFailure } from './failure.ts';
import { isPortInUse } from './listen-failure.ts';
import type { ServiceLog } from './service-log.ts';

/** Kafka's clients look here by default. */
export const kafkaPort = 9092;

type Options = Pick<
  KafkaOptions,
  'host' | 'port' | 'advertised' | 'security' | 'autoCreateTopics' | 'numPartitions' | 'onAnswered'
>;

/** Resolves with nothing if the port is taken, and says so. */
export async function serveKafka(
  { engine, clusterId }: Backend,
  log: ServiceLog,
  kafka: Options,
): Promise<KafkaServer | undefined> {
  const { startKafka } = await import('../kafka/main.ts');
  const options = { engine, clusterId: await clusterId(), clock: systemClock, ...kafka };
  return startKafka({ ...options, onError: log.connection }).catch((error: unknown) => {
    if (!isPortInUse(error)) throw error;
    reportFailure(
      new Error(
        `port ${kafka.port} is in use, so Kafka's clients are not served: choose another port with --kafka-port`,
      ),
    );
    return undefined;
  });
}
