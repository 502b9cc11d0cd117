import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transactionOf } from '../../http/operations/transactions.ts';
import { parse } from '../../http/parse.ts';
import {
  createTopicBody,
  describeTopicQuery,
  fetchBody,
  fetchPartitionQuery,
  idempotencyKey,
  offsetsQuery,
  produceBody,
  producePartitionBody,
  topicPath,
} from '../../http/schemas/schemas.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { checkTopicName } from '../../lib/topic/name.ts';

function accepted(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RivuletError);
    return false;
  }
}

describe('a topic name', () => {
  it('is valid exactly where the engine takes it', () => {
    const name = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '_', '-', '/', '%', 'é', ' '), maxLength: 6 }),
      fc.constantFrom(
        'a'.repeat(249),
        'a'.repeat(250),
        '__a',
        '_a',
        '__consumer_offsets',
        '__consumer_offsets2',
        '__proto__',
        '.',
        '..',
        '...',
        'a\n',
      ),
    );
    fc.assert(
      fc.property(name, (topic) => {
        expect(accepted(() => parse(topicPath, { topic }, 'path'))).toBe(accepted(() => checkTopicName(topic)));
      }),
    );
  });

  it('that is invalid is refused with an error of its own', () => {
    expect(() => parse(topicPath, { topic: 'a/b' }, 'path')).toThrow(
      expect.objectContaining({ errorCode: 'INVALID_TOPIC_EXCEPTION', extra: { field: 'path.topic' } }),
    );
  });
});

describe('the header that names a transaction', () => {
  const token = 'a1b2c3d4e5f6g7h8i9j0_-';
  const refusalOf = (text: string): unknown => {
    try {
      return transactionOf({ 'rivulet-transaction': text });
    } catch (error) {
      return error;
    }
  };

  it('is refused without its token: an error is shown and logged', () => {
    for (const text of [`tx 1 ${token}=`, `tx 007 ${token}`, `tx 1  ${token}`, `a/b 1 ${token}`, token]) {
      const refusal = refusalOf(text);
      expect(refusal).toMatchObject({
        errorCode: 'INVALID_REQUEST',
        message: expect.stringMatching(
          /^header\.Rivulet-Transaction: expected a transactional id, .+, got "\d+ characters"$/,
        ),
      });
    }
  });

  it('may have a number that no transaction has', () => {
    for (const number of [0, 2 ** 48, 9_999_999_999_999_998])
      expect(refusalOf(`tx ${number} ${token}`)).toEqual({ transactionalId: 'tx', transaction: number, token });
    expect(refusalOf(`tx 10000000000000000 ${token}`)).toBeInstanceOf(RivuletError);
    expect(refusalOf(`tx 1 ${token}${'a'.repeat(1_000_000)}`)).toBeInstanceOf(RivuletError);
  });
});

describe('an object with too many members', () => {
  const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, 'v']));

  it('is refused as headers before they become a list', () => {
    expect(parse(produceBody, { records: [{ headers: members(1_000) }] }, 'body').records[0]?.headers).toHaveLength(
      1_000,
    );
    expect(() => parse(produceBody, { records: [{ headers: members(1_001) }] }, 'body')).toThrow(
      'body.records[0].headers: expected at most 1000 members in an object, got {"n0":"v"',
    );
  });

  it('is refused as a configuration before a value is looked at', () => {
    const config = { ...members(100), n100: 1 };
    expect(() => parse(createTopicBody, { config }, 'body')).toThrow(
      expect.objectContaining({
        errorCode: 'INVALID_CONFIG',
        message: expect.stringMatching(/^body.config: expected at most 100 members in an object, got {"n0":"v"/),
      }),
    );
    expect(parse(createTopicBody, { config: members(100) }, 'body').config).toEqual(members(100));
  });
});

describe('whole numbers in a query', () => {
  it.each(['NaN', '-1', '1.5', '1e3', '', ' 1', '+1', '01', '9007199254740992', 'Infinity', '0x10'])(
    'are not %s',
    (offset) => {
      expect(() => parse(fetchPartitionQuery, { offset }, 'query')).toThrow(
        `query.offset: expected a whole number from 0 to 9007199254740991, got ${JSON.stringify(offset)}`,
      );
    },
  );

  it('may be as large as the greatest offset', () => {
    expect(parse(fetchPartitionQuery, { offset: '9007199254740991' }, 'query').offset).toBe(2 ** 53 - 1);
  });

  it('have the bounds of the thing that they count', () => {
    expect(() => parse(describeTopicQuery, { partitionsLimit: '257' }, 'query')).toThrow('from 1 to 256, got "257"');
  });
});

describe('a fetch', () => {
  const one = { partition: 0, offset: 0 };

  it.each([
    [{ partitions: [] }, 'body.partitions: expected at least 1 element, got 0 elements'],
    [
      { partitions: [one, { ...one, partition: 1 }, one] },
      'body.partitions[2]: expected each partition once, got {"partition":0,"offset":0}',
    ],
    [{ partitions: [{ ...one, offset: -1 }] }, 'body.partitions[0].offset: expected a whole number'],
    [{ partitions: [one], waitMs: 20_001 }, 'body.waitMs: expected a whole number from 0 to 20000, got 20001'],
    [{ partitions: [{ ...one, ofset: 5 }] }, 'body.partitions[0].ofset: there is no such field'],
    [
      { partitions: [one], maxBytes: 5_000_000 },
      'body.maxBytes: expected a whole number from 1 to 4194304, got 5000000',
    ],
    [{}, 'body.partitions: expected an array, got nothing'],
    [[], 'body: expected an object, got 0 elements'],
    [null, 'body: expected an object, got null'],
  ])('is not %j', (body, message) => {
    expect(() => parse(fetchBody, body, 'body')).toThrow(message);
  });

  it('has at most 256 partitions', () => {
    const partitions = Array.from({ length: 257 }, (_, partition) => ({ partition, offset: 0 }));
    expect(() => parse(fetchBody, { partitions }, 'body')).toThrow(
      'body.partitions: expected at most 256 elements, got 257 elements',
    );
  });

  it('of one partition starts at an offset or at a time, not both', () => {
    expect(() => parse(fetchPartitionQuery, { offset: '1', timestamp: '1' }, 'query')).toThrow(
      'query.timestamp: expected nothing beside offset, got "1"',
    );
  });
});

describe('a produce body', () => {
  it('names a field that does not belong where it stands', () => {
    expect(() => parse(producePartitionBody, { records: [{ partition: 1 }] }, 'body')).toThrow(
      'body.records[0].partition: there is no such field',
    );
    expect(() => parse(produceBody, { records: [{ key: 1 }, { vlaue: 1 }] }, 'body')).toThrow(
      'body.records[1].vlaue: there is no such field',
    );
  });

  it('has at most 10,000 records', () => {
    expect(() => parse(produceBody, { records: Array(10_001).fill({}) }, 'body')).toThrow(
      'body.records: expected at most 10000 elements, got 10001 elements',
    );
  });
});

describe('offsets', () => {
  it.each([
    ['earliest', 'earliest'],
    ['latest', 'latest'],
    ['1700000000000', 1_700_000_000_000],
  ])('at %s', (at, value) => {
    expect(parse(offsetsQuery, { at }, 'query').at).toBe(value);
  });

  it.each([
    ['7', [7]],
    ['2-4', [2, 3, 4]],
    ['3-3', [3]],
  ])('of partitions %s', (partitions, list) => {
    expect(parse(offsetsQuery, { at: 'latest', partitions }, 'query').partitions).toEqual(list);
  });

  it.each(['4-2', '1-', '-1', '1-2-3', 'a', '10000', '1,2', ''])(
    'are not looked up for the partitions %s',
    (partitions) => {
      expect(() => parse(offsetsQuery, { at: 'latest', partitions }, 'query')).toThrow(
        'query.partitions: expected a partition or a range a-b, 0 to 9999, got',
      );
    },
  );
});

describe('an Idempotency-Key', () => {
  it.each(['a', '"quoted"', '8e03978e-40d5-43dd-bc93-6894a57f9324', '~'.repeat(255)])('may be %s', (key) => {
    expect(parse(idempotencyKey, key, 'header')).toBe(key);
  });

  it.each(['', 'a b', 'a,b', 'a, a', 'é', 'a'.repeat(256)])('is not %s', (key) => {
    expect(() => parse(idempotencyKey, key, 'header')).toThrow('expected one value of 1 to 255 visible ASCII');
  });
});
