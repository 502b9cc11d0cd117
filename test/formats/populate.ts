// Fills a store with one of each kind of stored thing. It uses only the engine, and notes what was acknowledged.
//
// The store must contain index pages, producers evicted from the head, each compression, segments of several partitions,
// timestamps out of order, both kinds of time, a partition added later, a topic with an altered configuration, a deleted
// topic, a deleted and re-created one, an empty one, small appends that are items, requests under an Idempotency-Key, and
// groups (groups.ts).
import type { Engine } from '../../lib/api/engine.ts';
import type { AppendAck } from '../../lib/api/records.ts';
import { encodeBatch } from '../../lib/record/batch.ts';
import { compressions } from '../../lib/record/compression.ts';
import type { TestClock } from '../log/world.ts';
import { populateGroups } from './groups.ts';
import type { Stored, StoredKey, StoredPartition, StoredProducer, StoredRecord } from './stored.ts';

type Notes = {
  readonly engine: Engine;
  readonly clock: TestClock;
  readonly partitions: Map<string, StoredPartition>;
  readonly producers: StoredProducer[];
  readonly keys: StoredKey[];
};
type NewRecord = Omit<StoredRecord, 'offset'>;
type Producer = { readonly producerId: number; readonly epoch: number; sequence: number };
type Part = { readonly partition: number; readonly records: readonly NewRecord[] };

const bytes = (text: string | null) => (text === null ? null : Buffer.from(text));

export async function populate(engine: Engine, clock: TestClock): Promise<Stored> {
  const notes: Notes = { engine, clock, partitions: new Map(), producers: [], keys: [] };
  await engine.createTopic({ topic: 'events', partitions: 3, config: { 'retention.ms': '86400000' } });
  await longPartition(notes);
  await oneShots(notes);
  await oddRecords(notes);
  await stampedTopic(notes);
  await keyedTopic(notes);
  await smallAppends(notes);
  await deletedTopics(notes);
  const groups = await populateGroups(engine, clock);
  return { ...(await describe(notes)), groups };
}

/**
 * Partition 0 has a producer that falls silent, and then a long-lived producer between appends without a producer id, for
 * more than two index pages.
 */
async function longPartition(notes: Notes): Promise<void> {
  await append(
    notes,
    'events',
    [{ partition: 0, records: [plain('early', notes.clock.now())] }],
    await newProducer(notes),
  );
  const producer = await newProducer(notes);
  for (let i = 0; i < 60; i++) {
    notes.clock.advance(1_000);
    // Every seventh append is older than its predecessors. Index pages keep a running maximum for this case.
    const timestampMs = notes.clock.now() - (i % 7 === 6 ? 5_500 : 0);
    const records = Array.from({ length: 1 + (i % 3) }, (_, j) => plain(`long ${i}.${j}`, timestampMs + j));
    await append(notes, 'events', [{ partition: 0, records }], i % 4 === 3 ? undefined : producer, i);
  }
}

/** Partition 1 has more producers than a head keeps. */
async function oneShots(notes: Notes): Promise<void> {
  for (let i = 0; i < 24; i++) {
    notes.clock.advance(250);
    const records = [plain(`once ${i}`, notes.clock.now())];
    await append(notes, 'events', [{ partition: 1, records }], await newProducer(notes), i);
  }
}

/** One segment for two partitions, and records with everything that a record may have or lack. */
async function oddRecords(notes: Notes): Promise<void> {
  const timestampMs = notes.clock.now();
  const odd: NewRecord[] = [
    { timestampMs, key: null, value: null, headers: [] },
    { timestampMs, key: 'tombstone', value: null, headers: [] },
    { timestampMs, key: '', value: '', headers: [['', null]] },
    {
      timestampMs: 0,
      key: 'ключ',
      value: 'значение 値',
      headers: [
        ['twice', 'a'],
        ['twice', 'b'],
      ],
    },
    { timestampMs, key: 'large', value: 'x'.repeat(3_000), headers: [['trace', '\u0000\u0001']] },
  ];
  await append(notes, 'events', [
    { partition: 2, records: odd },
    { partition: 0, records: [plain('beside', timestampMs)] },
  ]);
}

/** Appends that are items of the table, with more than one index page of them, and larger ones between. */
async function smallAppends(notes: Notes): Promise<void> {
  await notes.engine.createTopic({ topic: 'small', config: { 'rivulet.inline.max.bytes': '1024' } });
  const producer = await newProducer(notes);
  for (let i = 0; i < 60; i++) {
    notes.clock.advance(250);
    const value = i % 10 === 7 ? `large ${i} ${'x'.repeat(2_000)}` : `small ${i}`;
    await append(notes, 'small', [{ partition: 0, records: [plain(value, notes.clock.now())] }], producer);
  }
}

async function stampedTopic(notes: Notes): Promise<void> {
  await notes.engine.createTopic({ topic: 'stamped', config: { 'message.timestamp.type': 'LogAppendTime' } });
  for (let i = 0; i < 3; i++) {
    notes.clock.advance(60_000);
    await append(notes, 'stamped', [{ partition: 0, records: [plain(`stamped ${i}`, 5), plain(`stamped ${i}'`, 7)] }]);
  }
}

/** Requests under a key before and after partitions are added, and settings that are set, altered and reset. */
async function keyedTopic(notes: Notes): Promise<void> {
  const { engine } = notes;
  const topic = 'orders.v1';
  await engine.createTopic({ topic, config: { 'max.message.bytes': '100000', 'compression.type': 'gzip' } });
  await appendKeyed(notes, topic, 'before', ['first', 'second']);
  await engine.alterTopic({
    topic,
    partitions: 4,
    config: { 'max.message.bytes': null, 'retention.bytes': '123456789' },
  });
  await appendKeyed(notes, topic, 'after', ['third', 'fourth', 'fifth']);
}

async function deletedTopics(notes: Notes): Promise<void> {
  const { engine } = notes;
  for (const topic of ['gone', 'again']) {
    await engine.createTopic({ topic, partitions: 2 });
    await append(notes, topic, [{ partition: 1, records: [plain('lost with its topic', notes.clock.now())] }]);
    await engine.deleteTopic(topic);
    notes.partitions.delete(`${topic}/1`);
  }
  await engine.createTopic({ topic: 'again' });
  await append(notes, 'again', [{ partition: 0, records: [plain('of the second topic', notes.clock.now())] }]);
  await engine.createTopic({ topic: 'empty', partitions: 2 });
}

// --- appending, with notes

const plain = (value: string, timestampMs: number): NewRecord => ({ timestampMs, key: 'k', value, headers: [] });

async function newProducer({ engine }: Notes): Promise<Producer> {
  return { ...(await engine.newProducer()), sequence: 0 };
}

/** `turn` chooses the compression. */
async function append(
  notes: Notes,
  topic: string,
  parts: readonly Part[],
  producer?: Producer,
  turn = 0,
): Promise<void> {
  const compression = compressions[turn % compressions.length]!;
  const identity = producer && {
    producerId: producer.producerId,
    producerEpoch: producer.epoch,
    baseSequence: producer.sequence,
  };
  const partitions = parts.map(({ partition, records }) => ({
    partition,
    batches: encodeBatch(records.map(asInput), { compression, ...identity }),
  }));
  const reply = await notes.engine.append({ topic, partitions });
  for (const [i, { partition, records }] of parts.entries()) {
    const ack = reply.partitions[i] as AppendAck;
    noteRecords(notes, topic, partition, ack, records);
    if (producer) noteProducer(notes, topic, partition, ack.baseOffset, producer, records);
  }
  if (producer) producer.sequence += parts[0]!.records.length;
}

const asInput = ({ timestampMs, key, value, headers }: NewRecord) => ({
  timestampMs,
  key: bytes(key),
  value: bytes(value),
  headers: headers.map(([name, text]) => ({ key: name, value: bytes(text) })),
});

function noteRecords(
  notes: Notes,
  topic: string,
  partition: number,
  ack: AppendAck,
  records: readonly NewRecord[],
): void {
  const noted = partitionOf(notes, topic, partition);
  for (const [i, record] of records.entries()) {
    const timestampMs = ack.logAppendTimeMs < 0 ? record.timestampMs : ack.logAppendTimeMs;
    noted.push({ offset: ack.baseOffset + i, ...record, timestampMs });
  }
}

function partitionOf({ partitions }: Notes, topic: string, partition: number): StoredRecord[] {
  const id = `${topic}/${partition}`;
  if (!partitions.has(id)) partitions.set(id, { topic, partition, records: [] });
  return partitions.get(id)!.records;
}

function noteProducer(
  { producers }: Notes,
  topic: string,
  partition: number,
  baseOffset: number,
  { producerId, epoch, sequence }: Producer,
  records: readonly NewRecord[],
): void {
  const values = records.map(({ value }) => value!);
  const noted = { topic, partition, producerId, epoch, baseSequence: sequence, baseOffset, values };
  const before = producers.findIndex((one) => one.producerId === producerId && one.partition === partition);
  producers.splice(before < 0 ? producers.length : before, 1, noted);
}

async function appendKeyed(
  notes: Notes,
  topic: string,
  idempotencyKey: string,
  values: readonly string[],
): Promise<void> {
  const { records } = await notes.engine.appendRecords({ topic, idempotencyKey, records: jsonRecords(values) });
  const placed = records.map((record, i) => {
    if ('error' in record) throw record.error;
    const { partition, offset, timestampMs } = record;
    const { key, value } = { key: values[i]!, value: values[i]! };
    partitionOf(notes, topic, partition).push({ offset, timestampMs, key, value, headers: [] });
    return { partition, offset };
  });
  notes.keys.push({ topic, idempotencyKey, values, placed });
}

/** Each value is its own key, so that the records spread over the partitions. */
export const jsonRecords = (values: readonly string[]) =>
  values.map((value) => ({ key: Buffer.from(value), value: Buffer.from(value), headers: [] }));

// --- the expected content

async function describe(notes: Notes): Promise<Omit<Stored, 'groups'>> {
  const { engine, clock, producers, keys } = notes;
  const { topics } = await engine.listTopics({});
  const described = await Promise.all(topics.map(({ topic }) => engine.describeTopic(topic)));
  const partitions = topics.flatMap(({ topic, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({
      topic,
      partition,
      records: notes.partitions.get(`${topic}/${partition}`)?.records ?? [],
    })),
  );
  return {
    closedMs: clock.now(),
    lastProducerId: Math.max(...producers.map(({ producerId }) => producerId)),
    topics: described.map(({ topic, topicId, partitions: count, createdMs, config }) => ({
      topic,
      topicId,
      partitions: count,
      createdMs,
      config: Object.fromEntries(config.filter(({ isDefault }) => !isDefault).map(({ name, value }) => [name, value])),
    })),
    deletedTopics: ['gone'],
    partitions,
    producers,
    keys,
  };
}
