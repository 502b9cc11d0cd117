// Clients of Kafka in Node, for either side: many producers at once, and connections that are held.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Producer } from '@platformatic/kafka';
import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;

export type TogetherLoad = {
  readonly connections: number;
  readonly partitions: number;
  readonly recordBytes: number;
  readonly batchBytes: number;
  readonly forMs: number;
};

/** A batch stays below its size with so much beside the value of each record. */
const framingBytes = 16;

/** Each producer sends its next batch after the answer. @returns MiB of values a second. */
export async function produceTogether(address: string, topic: string, load: TogetherLoad): Promise<number> {
  const { connections, partitions, recordBytes, batchBytes, forMs } = load;
  await createTopic(address, topic, partitions);
  const value = Buffer.alloc(recordBytes, 'rivulet ');
  const senders = Array.from({ length: connections }, (_, i) => {
    const producer = new Producer({ clientId: `bench-${i}`, bootstrapBrokers: [address], retries: 10 });
    const message = { topic, partition: i % partitions, value };
    const messages = Array.from({ length: Math.floor(batchBytes / (recordBytes + framingBytes)) }, () => message);
    return { producer, send: () => producer.send({ messages, acks: -1 }), bytes: messages.length * recordBytes };
  });
  // They connect before the time begins.
  await Promise.all(senders.map(({ send }) => send()));
  const endMs = performance.now() + forMs;
  const sent = await Promise.all(
    senders.map(async ({ send, bytes }) => {
      let sum = 0;
      for (; performance.now() < endMs; sum += bytes) await send();
      return sum;
    }),
  );
  await Promise.all(senders.map(({ producer }) => producer.close()));
  return sent.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20 / (forMs / 1_000);
}

async function createTopic(address: string, topic: string, numPartitions: number): Promise<void> {
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  await admin.disconnect();
}

/** ApiVersions, version 0: each connection has sent a request and read its answer. */
const hello = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

/** Resolves with a function that closes the connections. They are made one after the other: a backlog is shorter. */
export async function hold(address: string, connections: number): Promise<() => void> {
  const [host, port] = address.split(':');
  const sockets: Socket[] = [];
  for (let i = 0; i < connections; i++) {
    const socket = connect(Number(port), host!);
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(hello);
    await once(socket, 'data');
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
