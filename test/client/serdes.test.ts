// The bytes are those of Kafka's own serializers of the same names.
import { expect, test } from 'vitest';
import {
  bytesSerde,
  type Deserializer,
  doubleSerde,
  floatSerde,
  headersByName,
  integerSerde,
  jsonSerde,
  longSerde,
  type Serializer,
  shortSerde,
  stringSerde,
} from '../../client/serdes.ts';

type Both = Serializer<unknown> & Deserializer<unknown>;

test.each<[string, Both, unknown, string]>([
  ['string', stringSerde, 'grüß', '6772c3bcc39f'],
  ['string', stringSerde, '', ''],
  ['bytes', bytesSerde, Buffer.from([0, 255]), '00ff'],
  ['JSON', jsonSerde(), { a: [1, 'é'] }, Buffer.from('{"a":[1,"é"]}').toString('hex')],
  ['JSON', jsonSerde(), 0, '30'],
  ['short', shortSerde, -2, 'fffe'],
  ['integer', integerSerde, 1, '00000001'],
  ['integer', integerSerde, -2_147_483_648, '80000000'],
  ['long', longSerde, 2n ** 63n - 1n, '7fffffffffffffff'],
  ['long', longSerde, -1n, 'ffffffffffffffff'],
  ['float', floatSerde, 1.5, '3fc00000'],
  ['double', doubleSerde, Math.PI, '400921fb54442d18'],
])('%s', (_name, serde, data, hex) => {
  const bytes = Buffer.from(serde.serialize('t', data, {}) as string);
  expect(bytes.toString('hex')).toBe(hex);
  expect(serde.deserialize('t', bytes, {})).toEqual(data);
});

test('a long takes numbers that are exact', () =>
  expect(longSerde.serialize('t', 2 ** 53 - 1, {})).toEqual(Buffer.from('001fffffffffffff', 'hex')));

test.each<[Both, unknown, string]>([
  [stringSerde, 5, 'expected a string, got number'],
  [stringSerde, Buffer.from('a'), 'expected a string, got object'],
  [bytesSerde, 'a', 'expected bytes, got string'],
  [jsonSerde(), 1n, 'BigInt'],
  [shortSerde, 32_768, 'out of range'],
  [integerSerde, 2_147_483_648, 'out of range'],
  [integerSerde, 1.5, 'expected a whole number, got 1.5'],
  [integerSerde, Number.NaN, 'expected a whole number, got NaN'],
  [integerSerde, '5', 'expected a whole number, got string'],
  [longSerde, 2n ** 63n, 'out of range'],
  [longSerde, 2 ** 53, 'expected a whole number, got 9007199254740992'],
  [doubleSerde, '1', 'expected a number, got string'],
])('what cannot be written exactly is refused: %o %s', (serde, data, reason) =>
  expect(() => serde.serialize('t', data, {})).toThrow(reason),
);

test.each<[Both, string, string]>([
  [integerSerde, '00000000ff', 'expected 4 bytes, got 5'],
  [longSerde, '', 'expected 8 bytes, got 0'],
  [jsonSerde(), '7b', 'JSON'],
])('bytes of another kind are refused: %o %s', (serde, hex, reason) =>
  expect(() => serde.deserialize('t', Buffer.from(hex, 'hex'), {})).toThrow(reason),
);

test('a record with very many headers of one name takes no longer than one with as many names', () => {
  const headers = Array.from({ length: 100_000 }, () => ({ key: 'a', value: 'b' }));
  const beganMs = performance.now();
  expect(headersByName([...headers, { key: 'c', value: 'd' }])).toMatchObject({ c: 'd' });
  // It took seconds for each megabyte of headers.
  expect(performance.now() - beganMs).toBeLessThan(2_000);
});
