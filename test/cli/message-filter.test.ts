import { describe, expect, test } from 'vitest';
import { addCondition } from '../../cli/message-filter.ts';
import { filterOf } from '../../client/conditions.ts';
import type { ConsumedMessage } from '../../client/message.ts';

const value = { user: { name: 'Ada', tags: ['x', 'y'], 'a.b': 1 }, n: 20, none: null, list: [[1]] };
const message: ConsumedMessage = {
  ...{ topic: 't', partition: 0, offset: 7, timestamp: 9 },
  key: Buffer.from('order-42'),
  value: Buffer.from(JSON.stringify(value)),
  headers: [
    { key: 'source', value: Buffer.from('app') },
    { key: 'source', value: Buffer.from('web') },
    { key: 'empty', value: null },
  ],
};
const tombstone: ConsumedMessage = { ...message, key: null, value: null, headers: [] };

const holds = (text: string, of = message, properties = {}): boolean => filterOf(addCondition(text), properties)(of);

describe('a condition', () => {
  test.each([
    'key',
    'key=order-42',
    'key~42',
    'key!=order-4',
    'value~Ada',
    'headers.source=web',
    'headers.empty',
    '$.user.name=Ada',
    '$.user.tags[1]=y',
    "$.user['a.b']=1",
    '$.n>19',
    '$.n>=20',
    '$.n<=20',
    '$.n<20.5',
    '$.none=null',
    '$.list[0]=[1]',
    '$.missing!=x',
    'key = order-42',
    '$.n >= 20',
    'value ~ Ada',
  ])('%s holds', (text) => expect(holds(text)).toBe(true));

  test.each([
    'key=42',
    'key~43',
    'key= order-42',
    'key="order-42"',
    'headers.source=app',
    'headers.other',
    '$.user.name~ada',
    '$.user.tags[2]',
    '$.missing',
    '$.missing=',
    '$.n<20',
    '$.none<1',
    '$.user.name>0',
    '$.constructor',
  ])('%s does not hold', (text) => expect(holds(text)).toBe(false));

  test.each(['key', 'value', 'value~', '$', '$.n', '$.n<1', 'headers.source'])(
    '%s does not hold for a tombstone',
    (text) => expect(holds(text, tombstone)).toBe(false),
  );

  test('has values with operators in them', () => {
    expect(holds('value~"n":20')).toBe(true);
    expect(holds('$.user.name=A=da')).toBe(false);
  });

  test('reads numbers of Kafka by a deserializer, and bytes that are none have no value', () => {
    const long = Buffer.alloc(8);
    long.writeBigInt64BE(42n);
    const properties = { 'key.deserializer': 'LongDeserializer' };
    expect(holds('key=42', { ...message, key: long }, properties)).toBe(true);
    expect(holds('key', { ...message, key: Buffer.from('text') }, properties)).toBe(false);
  });

  test('holds with all others', () => {
    const both = (second: string) => filterOf(addCondition(second, addCondition('key~42')), {})(message);
    expect(both('$.n>1')).toBe(true);
    expect(both('$.n>100')).toBe(false);
  });

  test.each(['', '=x', 'name=x', '$.n>x', '$.n<', '$.a[x]', '$a', 'headers', 'key==x', 'key x'])(
    '%s is refused',
    (text) => expect(() => addCondition(text)).toThrow(/must be/),
  );
});
