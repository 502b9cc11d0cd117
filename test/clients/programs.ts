// The clients that are programs of their own: kcat, two packages of Python, and Kafka's own tools of Java.
import { join } from 'node:path';
import { type Client, inputOf, readsIn, run } from './client.ts';
import type { Installed } from './install.ts';

export const kcat = ({ kcat }: Pick<Installed, 'kcat'>, address: string): Client => ({
  name: 'kcat',
  async produce(topic, codec, lines) {
    await run(kcat, ['-P', '-b', address, '-t', topic, '-z', codec, '-K', '\t'], inputOf(lines));
  },
  async consume(topic, group, count) {
    const settings = ['-X', 'auto.offset.reset=earliest', '-q', '-f', '%p\t%o\t%k\t%s\n', '-c', String(count)];
    return readsIn(await run(kcat, ['-b', address, ...settings, '-G', group, topic]));
  },
});

const pythonClient = (name: string, driver: string, { python }: Pick<Installed, 'python'>, address: string): Client => {
  const program = join(import.meta.dirname, 'drivers', driver);
  return {
    name,
    async produce(topic, codec, lines) {
      await run(python, [program, 'produce', address, topic, codec], inputOf(lines));
    },
    async consume(topic, group, count) {
      return readsIn(await run(python, [program, 'consume', address, topic, group, String(count)]));
    },
  };
};

export const pythonClients = (installed: Pick<Installed, 'python'>, address: string): Client[] => [
  pythonClient('kafka-python', 'kafka_python.py', installed, address),
  pythonClient('confluent-kafka', 'confluent.py', installed, address),
];

/** A program that ends after seconds is not worth compiling twice. */
const briefly = ['-Xmx200m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

export function java({ java: { jars, ...program } }: Pick<Installed, 'java'>, address: string): Client {
  const tool = (name: string, args: readonly string[], input?: string) =>
    run(program, [...briefly, '-cp', join(jars, '*'), `org.apache.kafka.tools.${name}`, ...args], input);
  const service = ['--bootstrap-server', address];
  return {
    name: 'kafka-console-producer/consumer',
    async produce(topic, codec, lines) {
      const settings = ['--topic', topic, '--compression-codec', codec, '--reader-property', 'parse.key=true'];
      await tool('ConsoleProducer', [...service, ...settings], inputOf(lines));
    },
    async consume(topic, group, count) {
      const shown = ['partition', 'offset', 'key'].flatMap((one) => ['--formatter-property', `print.${one}=true`]);
      const wanted = ['--topic', topic, '--group', group, '--from-beginning', '--max-messages', String(count)];
      return readsIn(await tool('consumer.ConsoleConsumer', [...service, ...wanted, ...shown]));
    },
  };
}
