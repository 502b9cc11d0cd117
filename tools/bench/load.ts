// The load that an application puts on the SDK: sends of many messages without keys, several at the same time, and a
// consumer that takes batches. Both count only records that were acknowledged, or that were handed over in order.
import type { Rivulet } from '../../client/rivulet.ts';

export type Load = {
  readonly recordBytes: number;
  /** Without these two, the SDK uses its defaults. */
  readonly batchBytes?: number;
  readonly requestBytes?: number;
  /** How many bytes of records may be without an answer. Default: enough for each partition to have batches that wait. */
  readonly unansweredBytes?: number;
};

/** The bytes of one send(). */
const sendBytes = 64 * 1024;
/**
 * The bytes without an answer must be enough for every partition to have batches that wait. They must not be so many that
 * the end of a short run takes longer than the run.
 */
const leastUnanswered = 1024 * 1024;
const mostUnanswered = 16 * 1024 * 1024;
const batchesUnanswered = 32;

/** @returns how many records were acknowledged. It ends with a flush, which is part of the measured time. */
export async function sendFor(
  client: Rivulet,
  topic: string,
  load: Load,
  connections: number,
  forMs: number,
): Promise<number> {
  const deadline = performance.now() + forMs;
  return send(client, topic, load, connections, () => performance.now() < deadline);
}

/** Sends while `goesOn` returns true. It is called before each send of about 64 KiB. */
export async function send(
  client: Rivulet,
  topic: string,
  load: Load,
  connections: number,
  goesOn: (acknowledged: number) => boolean,
): Promise<number> {
  const { recordBytes, batchBytes, requestBytes } = load;
  const producer = client.producer({
    maxInFlightRequests: connections,
    ...(batchBytes && { batchSize: batchBytes }),
    ...(requestBytes && { maxRequestBytes: requestBytes }),
  });
  const value = Buffer.alloc(recordBytes, 'a record of a benchmark; ');
  const messages = Array.from({ length: Math.ceil(sendBytes / recordBytes) }, () => ({ value }));
  const window = batchBytes === undefined ? mostUnanswered : batchBytes * batchesUnanswered;
  const { unansweredBytes = Math.min(mostUnanswered, Math.max(leastUnanswered, window)) } = load;
  const underWay = new Set<Promise<void>>();
  let acknowledged = 0;
  while (goesOn(acknowledged)) {
    const sent: Promise<void> = producer.send({ topic, messages }).then((results) => {
      acknowledged += results.length;
      underWay.delete(sent);
    });
    underWay.add(sent);
    if (underWay.size * sendBytes >= unansweredBytes) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  await producer.disconnect();
  return acknowledged;
}

/**
 * Reads all partitions, each from its offset in `from` on. Throws if a record is missing.
 * @returns how many records were handed over, at least `count`.
 */
export async function receiveAll(
  client: Rivulet,
  topic: string,
  from: readonly number[],
  count: number,
  onBatch: (bytes: number) => void = () => {},
): Promise<number> {
  const consumer = client.consumer();
  consumer.assign(from.map((offset, partition) => ({ topic, partition, offset })));
  const next = [...from];
  let received = 0;
  await consumer.run({
    eachBatch: async ({ partition, messages }) => {
      if (messages[0]!.offset !== next[partition])
        throw new Error(`partition ${partition}: expected offset ${next[partition]}, got ${messages[0]!.offset}`);
      next[partition]! += messages.length;
      received += messages.length;
      onBatch(messages.length * messages[0]!.value!.length);
      if (received >= count) await consumer.stop();
    },
  });
  await consumer.disconnect();
  return received;
}
