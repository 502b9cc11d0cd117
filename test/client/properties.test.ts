// Kafka's properties, as programs and files give them. test/client/settings/ has a test for each.
import { describe, expect, test } from 'vitest';
import { consumerFromProperties, producerFromProperties } from '../../client/properties.ts';
import { integerSerde, stringSerde } from '../../client/serdes.ts';

test('several properties become the options of a client and of its connection', () => {
  const properties = {
    'client.id': 'shop',
    'retry.backoff.ms': '10',
    'retry.backoff.max.ms': 20,
    'linger.ms': 1,
    acks: 'all',
  };
  expect(producerFromProperties({ ...properties, 'key.serializer': 'IntegerSerializer' })).toEqual({
    options: { lingerMs: 1, acks: 'all', keySerializer: integerSerde },
    connection: { clientId: 'shop', retry: { baseMs: 10, capMs: 20 } },
    notes: [],
  });
  expect(consumerFromProperties({ 'value.deserializer': 'StringDeserializer', 'client.rack': 'a' })).toEqual({
    options: { valueDeserializer: stringSerde },
    connection: {},
    notes: [expect.stringMatching(/^client\.rack has no effect/)],
  });
});

describe('a property is refused by its name', () => {
  test.each([
    ['acks', '2', 'acks: expected one of all, -1, 0, 1'],
    ['linger.ms', '-1', 'linger.ms: expected a whole number from 0'],
    ['linger.ms', '1.5', "got '1.5'"],
    ['enable.idempotence', 'yes', 'enable.idempotence: expected true or false'],
    ['compression.type', 'brotli', 'compression.type: expected one of none'],
    ['key.serializer', 'LongDeserializer', 'key.serializer: expected one of StringSerializer'],
    ['key.serializer', 'constructorSerializer', 'key.serializer: expected one of StringSerializer'],
    ['partitioner.class', 'X', 'partitioner.class: expected one of DefaultPartitioner'],
    ['partitioner.class', 'constructor', 'partitioner.class: expected one of DefaultPartitioner'],
    ['bootstrap.servers', 'a:9092', 'bootstrap.servers: expected the address of the service'],
    ['linger', '1', 'linger: expected one of client.id'],
    ['constructor', '1', 'constructor: expected one of'],
  ])('%s=%s', (name, value, reason) => expect(() => producerFromProperties({ [name]: value })).toThrow(reason));

  test.each([
    ['session.timeout.ms', '5999', 'session.timeout.ms: expected a whole number from 6000'],
    ['auto.offset.reset', 'never', 'auto.offset.reset: expected one of'],
    ['isolation.level', 'dirty', 'isolation.level: expected one of'],
    ['value.deserializer', 'io.confluent.KafkaAvroDeserializer', 'value.deserializer: expected one of String'],
  ])('%s=%s', (name, value, reason) => expect(() => consumerFromProperties({ [name]: value })).toThrow(reason));
});
