import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  consumerFromProperties,
  consumerPropertyNames,
  type FromProperties,
  type KafkaProperties,
  producerFromProperties,
  producerPropertyNames,
} from '../../client/properties.ts';
import { Rivulet } from '../../client/rivulet.ts';

type Read = (properties: KafkaProperties) => FromProperties<object>;
const changes = (read: Read, name: string, value: KafkaProperties[string]) => {
  const { options, connection } = read({ [name]: value });
  return { ...options, ...connection };
};

describe('two values of a property of the producer differ', () => {
  test.each([
    ['client.id', 'a', 'b'],
    ['request.timeout.ms', 1, '2147483647'],
    ['linger.ms', 0, '10'],
    ['batch.size', 1, '32768'],
    ['compression.type', 'none', 'snappy'],
    ['enable.idempotence', true, 'false'],
    ['max.in.flight.requests.per.connection', 1, '5'],
    ['buffer.memory', 1, '67108864'],
    ['max.request.size', 1_024, '1048576'],
    ['delivery.timeout.ms', 1, '120000'],
    ['transactional.id', 'a', 'b'],
    ['transaction.timeout.ms', 1, '900000'],
  ])('%s', (name, one, other) => {
    const [first, second] = [changes(producerFromProperties, name, one), changes(producerFromProperties, name, other)];
    expect(Object.keys(first)).toHaveLength(1);
    expect(first).not.toEqual(second);
    const { options, connection } = producerFromProperties({ [name]: other });
    expect(() => new Rivulet({ url: 'http://127.0.0.1:1', ...connection }).producer(options)).not.toThrow();
  });
});

describe('two values of a property of the consumer differ', () => {
  test.each([
    ['group.id', 'a', 'b'],
    ['group.instance.id', 'a', 'b'],
    ['group.remote.assignor', 'uniform', 'range'],
    ['enable.auto.commit', true, 'false'],
    ['auto.commit.interval.ms', 1, '1000'],
    ['auto.offset.reset', 'earliest', 'none'],
    ['max.poll.records', 1, '500'],
    ['max.poll.interval.ms', 1, '300000'],
    ['session.timeout.ms', 15_000, '45000'],
    ['heartbeat.interval.ms', 500, '3000'],
    ['fetch.min.bytes', 0, '1'],
    ['fetch.max.bytes', 1, '52428800'],
    ['max.partition.fetch.bytes', 1, '1048576'],
    ['fetch.max.wait.ms', 0, '500'],
  ])('%s', (name, one, other) => {
    const [first, second] = [changes(consumerFromProperties, name, one), changes(consumerFromProperties, name, other)];
    expect(Object.keys(first)).toHaveLength(1);
    expect(first).not.toEqual(second);
    const { options } = consumerFromProperties({ 'group.id': 'g', [name]: other });
    expect(() => new Rivulet({ url: 'http://127.0.0.1:1' }).consumer(options)).not.toThrow();
  });
});

describe('a property without an effect', () => {
  test.each(['acks=1', 'retries=3', 'retry.backoff.ms=100', 'max.block.ms=1', 'metadata.max.age.ms=1'])(
    '%s gets a note',
    (text) => {
      const [name, value] = text.split('=') as [string, string];
      const { options, notes } = producerFromProperties({ [name]: value });
      expect([options, notes]).toEqual([{}, [expect.stringMatching(`^${name} \\S`)]]);
    },
  );

  test.each(['isolation.level=read_committed', 'client.rack=a', 'partition.assignment.strategy=RoundRobinAssignor'])(
    '%s gets a note',
    (text) => {
      const [name, value] = text.split('=') as [string, string];
      const { options, notes } = consumerFromProperties({ [name]: value });
      expect([options, notes]).toEqual([{}, [expect.stringMatching(`^${name} \\S`)]]);
    },
  );

  test('which asks for what is so anyway needs none', () => {
    const serializer = 'org.apache.kafka.common.serialization.StringSerializer';
    const properties = { acks: 'all', 'key.serializer': serializer, 'value.serializer': 'ByteArraySerializer' };
    expect(producerFromProperties(properties)).toEqual({ options: {}, connection: {}, notes: [] });
    const deserializers = { 'key.deserializer': 'StringDeserializer', 'value.deserializer': 'ByteArrayDeserializer' };
    expect(consumerFromProperties(deserializers)).toEqual({ options: {}, connection: {}, notes: [] });
    const strategy = 'org.apache.kafka.clients.consumer.RangeAssignor';
    expect(consumerFromProperties({ 'partition.assignment.strategy': strategy }).options).toEqual({
      assignor: 'range',
    });
  });
});

test.each([
  ['fetch.max.bytes', { maxBytes: 4_194_304 }],
  ['max.partition.fetch.bytes', { maxBytesPerPartition: 4_194_304 }],
  ['fetch.max.wait.ms', { maxWaitMs: 20_000 }],
])('%s above our bound counts as the bound, and gets a note', (name, options) => {
  const found = consumerFromProperties({ [name]: 52_428_800 });
  expect(found).toEqual({ options, connection: {}, notes: [expect.stringMatching(`^${name} counts as \\d+`)] });
});

describe('a property is refused by its name', () => {
  test.each([
    ['acks', '0', 'acks: expected one of all, -1, 1'],
    ['linger.ms', '-1', 'linger.ms: expected a whole number from 0'],
    ['linger.ms', '1.5', "got '1.5'"],
    ['enable.idempotence', 'yes', 'enable.idempotence: expected true or false'],
    ['compression.type', 'brotli', 'compression.type: expected one of none'],
    ['key.serializer', 'LongSerializer', 'key.serializer: expected StringSerializer'],
    ['partitioner.class', 'X', 'partitioner.class: expected none'],
    ['bootstrap.servers', 'a:9092', 'bootstrap.servers: expected the address of the service'],
    ['linger', '1', 'linger: expected one of client.id'],
    ['constructor', '1', 'constructor: expected one of'],
  ])('%s=%s', (name, value, reason) => expect(() => producerFromProperties({ [name]: value })).toThrow(reason));

  test.each([
    ['session.timeout.ms', '5999', 'session.timeout.ms: expected a whole number from 6000'],
    ['auto.offset.reset', 'never', 'auto.offset.reset: expected one of'],
    ['isolation.level', 'dirty', 'isolation.level: expected one of'],
    ['value.deserializer', 'LongDeserializer', 'value.deserializer: expected StringDeserializer'],
  ])('%s=%s', (name, value, reason) => expect(() => consumerFromProperties({ [name]: value })).toThrow(reason));
});

test('docs/SDK.md has a row for each property', () => {
  const text = readFileSync(path.join(import.meta.dirname, '../../docs/SDK.md'), 'utf8');
  const rows = (...headings: string[]) =>
    headings.flatMap((heading) => {
      const section = text.split(/^## /m).find((one) => one.startsWith(heading))!;
      const cells = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell]) => cell!);
      return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
    });
  expect(rows('Connection', 'Producer').sort()).toEqual([...producerPropertyNames].sort());
  expect(rows('Connection', 'Consumer').sort()).toEqual([...consumerPropertyNames].sort());
});
