import { expect, test } from 'vitest';
import { messageMaker, type OutgoingRecord, toRecord } from '../../client/message.ts';
import { decodeRecords, encodeBatch } from '../../lib/record/batch.ts';

const readBack = (record: OutgoingRecord) => decodeRecords(encodeBatch([record]), 0, 0, messageMaker('t', 0))[0]!;

test('text becomes UTF-8, bytes stay as they are, and null or a missing key becomes null', () => {
  const record = toRecord({ key: 'é', value: new Uint8Array([0, 255]) }, 0, 5);
  expect(record).toMatchObject({ key: Buffer.from('é'), value: new Uint8Array([0, 255]), timestampMs: 5 });
  expect(toRecord({ value: null }, 0, 5)).toMatchObject({ key: null, value: null, headers: [], partition: undefined });
});

test('a header with several values becomes several headers of one name, and is read back as such', () => {
  const record = toRecord({ value: 'v', headers: { a: ['1', null, '2'], b: 'x' } }, 0, 5);
  expect(record.headers.map(({ key }) => key)).toEqual(['a', 'a', 'a', 'b']);
  expect(readBack(record).headers).toEqual([
    { key: 'a', value: Buffer.from('1') },
    { key: 'a', value: null },
    { key: 'a', value: Buffer.from('2') },
    { key: 'b', value: Buffer.from('x') },
  ]);
});

test('a list of headers keeps its order and its repeated keys, and can be sent again as it was read', () => {
  const list = ['b', '10', '2', 'b'].map((key, at) => ({ key, value: Buffer.from(`${at}`) }));
  const record = toRecord({ value: 'v', headers: list }, 0, 5);
  const { headers } = readBack(record);
  expect(headers).toEqual(list);
  expect(toRecord({ value: 'v', headers }, 0, 5).headers).toEqual(list);
});

test('a header may be called __proto__', () => {
  const { headers } = readBack(toRecord({ value: 'v', headers: { ['__proto__']: 'x' } }, 0, 5));
  expect(headers).toEqual([{ key: '__proto__', value: Buffer.from('x') }]);
});

test('keys and values are Buffers, whatever bytes the codec returned', () => {
  const packed = encodeBatch([toRecord({ key: 'k', value: 'v'.repeat(500) }, 0, 5)], { compression: 'snappy' });
  const message = decodeRecords(packed, 0, 0, messageMaker('t', 0))[0]!;
  expect(message.value?.toString()).toBe('v'.repeat(500));
  expect(message.key?.toString()).toBe('k');
});

test.each([
  [{ value: undefined as unknown as null }, /messages\[3\]\.value: expected text, bytes or null, got undefined/],
  [{ key: 7 as unknown as string, value: '' }, /messages\[3\]\.key/],
  [{ value: '', headers: { h: {} as string } }, /messages\[3\]\.headers\.h/],
  [
    { value: '', headers: [{ value: 'v' } as unknown as { key: string; value: string }] },
    /headers\[0\]\.key: expected text/,
  ],
  [{ value: '', headers: [{ key: 'h', value: 1 as unknown as string }] }, /headers\[0\]\.value: expected text, bytes/],
  [{ value: '', headers: 'h' as unknown as [] }, /headers: expected a list of \{ key, value \} or an object, got h/],
  [
    { key: 'a\ud800', value: '' },
    /messages\[3\]\.key: expected text in valid Unicode, got a lone surrogate at character 2/,
  ],
  [{ value: '\udc00' }, /messages\[3\]\.value: expected text in valid Unicode/],
  [{ value: '', headers: { 'a\ud800': '' } }, /messages\[3\]\.headers\["a\\ud800"\]: expected text in valid Unicode/],
  [{ value: '', headers: { h: ['', '\ud800'] } }, /messages\[3\]\.headers\.h: expected text in valid Unicode/],
  [
    { value: '', headers: [{ key: '\ud800', value: '' }] },
    /messages\[3\]\.headers\[0\]\.key: expected text in valid Unicode/,
  ],
  [
    { value: '', headers: [{ key: 'h', value: '\ud800' }] },
    /messages\[3\]\.headers\[0\]\.value: expected text in valid Unicode/,
  ],
  [{ value: '', partition: -1 }, /messages\[3\]\.partition: expected a whole number from 0 to 2\^53 - 1, got -1/],
  [{ value: '', timestamp: 1.5 }, /messages\[3\]\.timestamp/],
])('a message that cannot be sent is refused by name: %j', (message, words) => {
  expect(() => toRecord(message, 3, 0)).toThrow(words);
});

test('the size of a record is never underestimated', () => {
  const records = Array.from({ length: 100 }, (_, i) =>
    toRecord({ key: `k${i}`, value: 'é'.repeat(i), headers: { ü: 'x', y: ['1', '2'] }, timestamp: i * 1e9 }, 0, 0),
  );
  const estimated = records.reduce((sum, record) => sum + record.sizeBytes, 61);
  expect(encodeBatch(records).length).toBeLessThanOrEqual(estimated);
});
