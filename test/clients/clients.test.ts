// Real clients, unchanged, over one topic: each writes with every codec, and each reads in a group what all have written. The
// contents are compared record by record.
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { decodeBatch } from '../../lib/record/batch.ts';
import { fetchMessage, fetchTopic } from '../kafka/service.ts';
import { type AnyReply, key as apis, openWire } from '../kafka/wire.ts';
import { type Client, type Codec, codecs, type Line, type Read } from './client.ts';
import { kafkaJs, platformatic } from './node-clients.ts';
import { java, kcat, pythonClients } from './programs.ts';
import { type RunningService, startRivulet } from './service.ts';

const topic = 'shared';
const partitions = 3;
const linesEach = 200;

const found = inject('kafkaClients');

/** A client that could not be installed is left out here. The setup has printed the reason. */
const makers: ((address: string) => Client[])[] = [
  (address) => [kafkaJs(address)],
  (address) => [platformatic(address)],
  (address) => ('missing' in found.kcat ? [] : [kcat({ kcat: found.kcat }, address)]),
  (address) => ('missing' in found.python ? [] : pythonClients({ python: found.python }, address)),
  (address) => ('missing' in found.java ? [] : [java({ java: found.java }, address)]),
];

const clientsAt = (address: string): Client[] => makers.flatMap((make) => make(address));
const names = clientsAt('').map(({ name }) => name);

/** Ten keys, each with its records in an order of their own. Texts that repeat are worth compressing. */
const linesOf = (name: string, codec: Codec): Line[] =>
  Array.from({ length: linesEach }, (_, i) => ({
    key: `${name} ${codec} ${i % 10}`,
    value: `${i} ${'Größe und Ωμέγα '.repeat(10)}`,
  }));

const all = names.flatMap((name) => codecs.flatMap((codec) => linesOf(name, codec)));
const textOf = ({ key, value }: Line) => `${key}\t${value}`;

let service: RunningService;
let clients: Client[];

beforeAll(async () => {
  service = await startRivulet();
  clients = clientsAt(service.address);
  const wire = await openWire(portOf(service));
  const wanted = { name: topic, numPartitions: partitions, replicationFactor: 1 };
  const { topics } = await wire.ask(apis.createTopics, 7, { topics: [wanted], timeoutMs: 10_000 });
  expect(topics).toMatchObject([{ errorCode: 0 }]);
  wire.close();
});

afterAll(() => service?.stop());

const portOf = ({ address }: RunningService) => Number(address.split(':')[1]);

describe.each(names)('%s', (name) => {
  test('writes with each codec', async () => {
    const client = clients.find((one) => one.name === name)!;
    await Promise.all(codecs.map((codec) => client.produce(topic, codec, linesOf(name, codec))));
  });
});

test('the log has each record once, in the codec of its writer, and those of a key in their order', async () => {
  const reads = await readLog();
  expect(reads.map(textOf).sort()).toEqual(all.map(textOf).sort());
  expectOrder(reads);
  for (const { key, codec } of reads) expect(key.split(' ').at(-2)).toBe(codec);
});

describe.each(names)('%s', (name) => {
  test('reads in a group what all have written, and goes on from its commits', async () => {
    const client = clients.find((one) => one.name === name)!;
    const inLog = await readLog();
    const group = `readers/of/${name}`;
    const first = await client.consume(topic, group, linesEach);
    expect(first.length).toBe(linesEach);
    const reads = [...first, ...(await client.consume(topic, group, inLog.length - linesEach))];
    const placed = ({ partition, offset, ...line }: Read) => `${partition}\t${offset}\t${textOf(line)}`;
    expect(reads.map(placed).sort()).toEqual(inLog.map(placed).sort());
    expectOrder(reads);
  });
});

/** Within a key the values count up. */
function expectOrder(reads: readonly Line[]): void {
  for (const lines of Map.groupBy(reads, ({ key }) => key).values()) {
    const numbers = lines.map(({ value }) => Number(value.split(' ')[0]));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
}

type Logged = Read & { readonly codec: string };

/** The batches as they are stored, without any client. */
async function readLog(): Promise<Logged[]> {
  const wire = await openWire(portOf(service));
  const logged: Logged[] = [];
  for (let partition = 0; partition < partitions; partition++)
    for (let offset = 0, more = true; more; ) {
      const message = fetchMessage([fetchTopic({ topic, topicId: '' }, { partition, offset })]);
      const { records } = ((await wire.ask(apis.fetch, 11, message)) as AnyReply).responses[0].partitions[0];
      const read = recordsIn(records, partition).filter((one) => one.offset >= offset);
      logged.push(...read);
      more = read.length > 0;
      offset = (read.at(-1)?.offset ?? 0) + 1;
    }
  wire.close();
  return logged;
}

function recordsIn(bytes: Uint8Array, partition: number): Logged[] {
  const logged: Logged[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { header, records } = decodeBatch(bytes, at);
    const text = (part: Uint8Array | null) => Buffer.from(part!).toString();
    for (const { offset, key, value } of records)
      logged.push({ partition, offset, key: text(key), value: text(value), codec: header.compression });
    at += header.sizeBytes;
  }
  return logged;
}
