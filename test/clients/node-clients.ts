// The clients of Node, which run in the process of the tests.
import {
  Consumer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import { compress, decompress } from '../../lib/record/compression.ts';
import type { Client, Codec, Read } from './client.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel, Partitioners } = kafkajs;

const types = {
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const satisfies Record<Codec, number>;

const mostBytes = 16 * 1024 * 1024;

/** KafkaJS has gzip alone, and takes the other codecs from its users. */
for (const codec of ['snappy', 'lz4', 'zstd'] as const)
  CompressionCodecs[types[codec]] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => Buffer.from(compress(codec, buffer)),
    decompress: async (packed: Buffer) => Buffer.from(decompress(codec, packed, mostBytes)),
  });

export function kafkaJs(address: string): Client {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  return {
    name: 'KafkaJS',
    async produce(topic, codec, lines) {
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      await producer.send({ topic, compression: types[codec], messages: [...lines] });
      await producer.disconnect();
    },
    async consume(topic, groupId, count) {
      const reads: Read[] = [];
      const consumer = kafka.consumer({ groupId });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await new Promise<void>((resolve) => {
        void consumer.run({
          eachBatchAutoResolve: false,
          eachBatch: async ({ batch: { partition, messages }, resolveOffset }) => {
            for (const { offset, key, value } of messages.slice(0, count - reads.length)) {
              reads.push({ partition, offset: Number(offset), key: String(key), value: String(value) });
              resolveOffset(offset);
            }
            if (reads.length === count) resolve();
          },
        });
      });
      await consumer.disconnect();
      return reads;
    },
  };
}

export const platformatic = (address: string): Client => ({
  name: '@platformatic/kafka',
  async produce(topic, compression, lines) {
    const producer = new Producer({ clientId: 'test', bootstrapBrokers: [address], serializers: stringSerializers });
    await producer.send({ compression, messages: lines.map((line) => ({ topic, ...line })) });
    await producer.close();
  },
  async consume(topic, groupId, count) {
    const deserializers = stringDeserializers;
    const consumer = new Consumer({ clientId: 'test', bootstrapBrokers: [address], groupId, deserializers });
    const stream = await consumer.consume({
      ...{ topics: [topic], autocommit: false, maxWaitTime: 200 },
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST,
    });
    const reads: Read[] = [];
    const lastOf = new Map<number, { commit(): unknown }>();
    for await (const message of stream) {
      const { partition, offset, key, value } = message;
      reads.push({ partition, offset: Number(offset), key: String(key), value: String(value) });
      lastOf.set(partition, message);
      if (reads.length === count) break;
    }
    for (const message of lastOf.values()) await message.commit();
    await consumer.close(true);
    return reads;
  },
});
