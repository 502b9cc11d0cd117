// The quick look for a text finds what the filters find, whatever the bytes are. It needs no browser.
import { expect, test } from 'vitest';
import { openRows } from '../../console/records/open-rows.ts';
import { recordFilter } from '../../console/records/record-filter.ts';
import type { Row } from '../../console/records/row.ts';
import type { MessageSearch } from '../../console/records/search.ts';
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { encodeBatch, type RecordInput } from '../../lib/record/batch.ts';
import type { Compression } from '../../lib/record/compression.ts';
import { createRandom, type Random } from '../sim/core/random.ts';

const crcAt = 17;

/** Pieces of text, and bytes that are no UTF-8: alone, before and behind what is looked for. */
const pieces = ['key', 'key-7', 'ke', 'y', '-', '7', 'é', '€', '😀', 'é€', '\ufeff', '\u0080', '\ufffd'].map((text) =>
  Buffer.from(text),
);
const broken = [[0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f], [0x80], [0xed, 0xa0, 0x80], [0xc0, 0x80]].map((bytes) =>
  Buffer.from(bytes),
);

const bytesBy = (random: Random): Buffer | null =>
  random.chance(0.1)
    ? null
    : Buffer.concat(Array.from({ length: random.below(6) }, () => random.pick([...pieces, ...broken])));

const recordBy = (random: Random): RecordInput => ({
  ...{ key: bytesBy(random), value: bytesBy(random), timestampMs: 1_000 + random.below(9) },
  headers: random.chance(0.3) ? [{ key: 'key-7', value: bytesBy(random) }] : [],
});

/** Two batches, of which compaction has taken some records. */
function batchesBy(random: Random, compression: Compression): Buffer {
  const batch = (baseOffset: number) => {
    let delta = -1;
    const records = Array.from({ length: 1 + random.below(20) }, () => {
      delta += 1 + random.below(2);
      return { ...recordBy(random), offsetDelta: delta };
    });
    return encodeBatch(records, { baseOffset, compression });
  };
  return Buffer.concat([batch(0), batch(100)]);
}

const searches: readonly MessageSearch[] = [
  ...['key', 'key-7', 'y', '€', 'é€', '😀', '\ufffd', '\ufeff', '\u0080', 'key\ufffd'].map((text) => ({ text })),
  ...['key=key-7', 'key=key', 'value~€', 'value=', 'key!=key', 'headers.key-7', 'value~y\nkey~ke'].map((where) => ({
    where,
  })),
  { text: 'y', where: 'key~key' },
];

test.each(searches)('%j finds the same with the quick look as without it', (search) => {
  const { isKept, needle } = recordFilter(search);
  const place = ({ offset, key, value }: Row) => [offset, key?.toString('hex'), value?.toString('hex')];
  const random = createRandom(7);
  let found = 0;
  for (let round = 0; round < 300; round++) {
    const bytes = batchesBy(random, random.pick(['none', 'gzip', 'lz4']));
    const range = { partition: 0, from: random.below(10), to: 100 + random.below(40) };
    const kept = (quick?: string) => {
      const { rows, next, batchTimes } = openRows('orders', range, bytes, quick);
      return { rows: rows.filter(isKept).map(place), next, batchTimes };
    };
    const plain = kept();
    expect(kept(needle)).toEqual(plain);
    found += plain.rows.length;
  }
  expect(found).toBeGreaterThan(0);
});

test('records without the text are passed over, and not made only to be thrown away', () => {
  const records = Array.from({ length: 100 }, (_, at) => ({
    ...{ key: Buffer.from(`key-${at}`), value: Buffer.from('v'), headers: [], timestampMs: 1 },
  }));
  const { needle } = recordFilter({ where: 'key=key-42' });
  const { rows, next } = openRows('orders', { partition: 0, from: 0, to: 100 }, encodeBatch(records), needle);
  expect(rows.map(({ offset }) => offset)).toEqual([42]);
  expect(next).toBe(100);
});

test.each(['key-1', 'nowhere'])('a malformed batch is the same error with a look for %s as without it', (text) => {
  const records = ['key-1', 'key-2'].map((key) => ({
    ...{ key: Buffer.from(key), value: Buffer.from('v'), headers: [], timestampMs: 1 },
  }));
  const batch = Buffer.from(encodeBatch(records));
  // The key of the second record says that it is longer than the record. A varint of 5 is the byte 10.
  batch[batch.indexOf('key-2') - 1] = 60 * 2;
  batch.writeUInt32BE(crc32c(batch, crcAt + 4), crcAt);
  const open = (quick?: string) => () => openRows('orders', { partition: 0, from: 0, to: 2 }, batch, quick);
  const said = 'CORRUPT_MESSAGE: the batch at offset 0 of partition 0 cannot be read';
  expect(open()).toThrow(said);
  expect(open(text)).toThrow(said);
});
