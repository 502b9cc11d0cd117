import { expect, test } from 'vitest';
import { murmur2, partitionForKey } from '../../lib/bytes/murmur2.ts';
import { fromHex, readFixture } from '../record/golden.ts';

type GoldenKey = { readonly keyHex: string; readonly murmur2: number; readonly partitions: Record<string, number> };
const { cases } = readFixture<{ cases: GoldenKey[] }>('murmur2');

test('hashes 200 keys as Kafka does', () => {
  expect(cases).toHaveLength(200);
  expect(cases.map(({ keyHex }) => murmur2(fromHex(keyHex)))).toEqual(cases.map((golden) => golden.murmur2));
});

test.each([1, 6, 50])('chooses among %i partitions as Kafka does', (partitions) => {
  for (const golden of cases) {
    expect(partitionForKey(fromHex(golden.keyHex), partitions)).toBe(golden.partitions[String(partitions)]);
  }
});
