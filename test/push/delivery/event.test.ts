import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PushRecord } from '../../../lib/api/push.ts';
import { bytesOf, eventBody } from '../../../lib/push/delivery/event.ts';
import { batchOf, recordOf } from './records.ts';

const event = (records: readonly PushRecord[]) => JSON.parse(eventBody(batchOf(records), '127.0.0.1:9092'));

test('an event has the shape of Lambda source for self-managed Kafka', () => {
  const record = recordOf({ offset: 15, timestampMs: 1_545_084_650_987, key: Buffer.from('recordKey'), text: 'Hello' });
  expect(event([record])).toEqual({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: '127.0.0.1:9092',
    records: {
      'orders-0': [
        {
          topic: 'orders',
          partition: 0,
          offset: 15,
          timestamp: 1_545_084_650_987,
          timestampType: 'CREATE_TIME',
          key: 'cmVjb3JkS2V5',
          value: 'SGVsbG8=',
          headers: [],
        },
      ],
    },
  });
});

test('headers keep their order and their repeats, and their bytes are signed', () => {
  const headers = [
    { key: 'h', value: Buffer.from('ë') },
    { key: 'h', value: null },
    { key: '__proto__', value: Buffer.from([0, 127, 128, 255]) },
  ];
  const text = eventBody(batchOf([recordOf({ headers })]), '');
  expect(text).toContain('"headers":[{"h":[-61,-85]},{"h":[]},{"__proto__":[0,127,-128,-1]}]');
});

test('a key or value that is null is left out, and one that is empty is not', () => {
  const [absent, empty] = event([recordOf(), recordOf({ offset: 1, key: Buffer.from(''), text: '' })]).records[
    'orders-0'
  ];
  expect([absent.key, absent.value, empty.key, empty.value]).toEqual([undefined, undefined, '', '']);
});

test('a view of a larger buffer gives its own bytes', () => {
  const large = Buffer.from('xxvaluexx');
  const record = recordOf({ value: large.subarray(2, 7), headers: [{ key: 'h', value: large.subarray(2, 3) }] });
  expect(event([record]).records['orders-0'][0]).toMatchObject({ value: 'dmFsdWU=', headers: [{ h: [118] }] });
});

test('the bytes that are counted for records are never fewer than their text has', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constant(new Uint8Array(50).fill(128)));
  const header = fc.record({
    key: fc.string({ unit: 'binary' }),
    value: fc.option(bytes.map((all) => Buffer.from(all))),
  });
  const record = fc.record({
    offset: fc.maxSafeNat(),
    timestampMs: fc.maxSafeInteger(),
    timestampType: fc.constantFrom('CREATE_TIME' as const, 'LOG_APPEND_TIME' as const),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.array(header, { maxLength: 5 }),
  });
  const around = { topic: 'x'.repeat(249), partition: 9_999 };
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), (records) => {
      const counted = records.reduce((sum, one) => sum + bytesOf(one), 0);
      expect(Buffer.byteLength(eventBody(batchOf(records, around), ''))).toBeLessThanOrEqual(counted + 512);
    }),
  );
});
