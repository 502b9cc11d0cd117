// These tests give every field of every operation values that it does not take. Each refusal must be a sentence of ours
// that names the field, the expected value and the actual value. The bodies to spoil are the examples of
// docs/PROTOCOL.md.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { operationsOf } from '../../http/api.ts';
import { parse } from '../../http/parse.ts';
import { RivuletError } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';

const operations = operationsOf({ engine: undefined as never, version: '' });
const protocol = readFileSync('docs/PROTOCOL.md', 'utf8');

function exampleOf(id: string): unknown {
  const [, body] = new RegExp(`^\`\`\`json request=${id}\n(.*?)^\`\`\``, 'ms').exec(protocol) ?? [];
  if (body === undefined) throw new Error(`docs/PROTOCOL.md has no request of ${id}`);
  return JSON.parse(body);
}

type Path = readonly (string | number)[];

function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const steps = Array.isArray(value) ? value.map((_, at) => at) : Object.keys(value);
  return [
    path,
    ...steps.flatMap((step) => pathsIn((value as Record<string | number, unknown>)[step], [...path, step])),
  ];
}

function withValue(value: unknown, [step, ...rest]: Path, wrong: unknown): unknown {
  if (step === undefined) return wrong;
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...(value as object) };
  copy[step] = withValue(copy[step], rest, wrong);
  return copy;
}

/** The refusal of the input, or undefined where the input is taken. */
function refusalOf(schema: z.ZodType, input: unknown, where: string): RivuletError | undefined {
  try {
    parse(schema, input, where);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RivuletError);
    return error as RivuletError;
  }
}

function expectOurs({ message, extra, status }: RivuletError, where: string): void {
  expect(message).toMatch(/^(body|query|path)[\w.[\]"-]*: (expected .+, got .+|there is no such field)$/s);
  expect(message).not.toMatch(/Invalid|Too (small|big)|Unrecognized|expected (\w+ to have|undefined)|another value/);
  expect(message.length).toBeLessThan(400);
  expect(String(extra.field).startsWith(where)).toBe(true);
  expect(status).toBe(400);
}

const list = (length: number) => Array.from({ length }, () => 0);
const wrongInJson: readonly unknown[] = [
  ...[null, true, -1, 0, 0.5, 1e300, 2 ** 53, -(2 ** 53), 10_000, 'x', '', '.', '\u0000', 'x'.repeat(70_000)],
  ...[[], {}, [null], [[]], list(10_001), list(60_000), { a: 1 }, { to: 'x' }, { to: 'offset' }, { to: 'offsets' }],
];
const wrongInText = [
  '',
  ' ',
  '-1',
  '0.5',
  '1e3',
  '01',
  '9007199254740992',
  'x y',
  '.',
  '__proto__',
  'x'.repeat(300),
  '٣',
  '2-1',
];

describe('a body', () => {
  test.each(operations.filter(({ bodySchema }) => bodySchema).map((one) => [one.id, one.bodySchema!] as const))(
    'of %s with any wrong field is refused in our words',
    (id, schema) => {
      const example = exampleOf(id);
      expect(refusalOf(schema, example, 'body')).toBeUndefined();
      const paths = pathsIn(example).filter((path) => !/\.value\.|\.data/.test(path.join('.')));
      for (const path of paths) {
        const spoilt = wrongInJson.map((wrong) => withValue(example, path, wrong));
        const stray = withValue(example, [...path, 'strayField'], 1);
        for (const input of [...spoilt, stray]) {
          const refusal = refusalOf(schema, input, 'body');
          if (refusal) expectOurs(refusal, 'body');
        }
      }
    },
  );
});

describe.each(['query', 'path'] as const)('a %s', (where) => {
  const schemas = operations.flatMap(({ id, querySchema, pathSchema }) => {
    const schema = where === 'query' ? querySchema : pathSchema;
    return schema instanceof z.ZodObject ? [[id, schema] as const] : [];
  });

  test.each(schemas)('of %s with any wrong parameter is refused in our words', (_, schema) => {
    for (const name of [...Object.keys(schema.shape), 'strayField', '__proto__', 'constructor'])
      for (const wrong of wrongInText) {
        const refusal = refusalOf(schema, JSON.parse(JSON.stringify({ x: wrong }).replace('x', name)), where);
        if (refusal) expectOurs(refusal, where);
      }
  });
});

describe('a refusal for a limit names the limit and the value that broke it', () => {
  const schemaOf = (id: string) => operations.find((one) => one.id === id)!.bodySchema!;
  const offsets = (length: number) => Array.from({ length }, (_, partition) => ({ partition, offset: 0 }));
  const ofT = (rest: object) => [{ topic: 't', ...rest }];
  const member = { memberId: 'm', memberEpoch: 0, heartbeatSeq: 0 };

  test.each<[string, object, string]>([
    ['produce', { records: [] }, 'body.records: expected at least 1 element, got 0 elements'],
    [
      'produce',
      { records: list(limits.jsonRecords + 1).map(() => ({})) },
      'body.records: expected at most 10000 elements, got 10001 elements',
    ],
    [
      'produce',
      { records: [{ headers: list(limits.recordHeaders + 1).map(() => ({ name: 'a' })) }] },
      'body.records[0].headers: expected at most 1000 elements, got 1001 elements',
    ],
    [
      'produce',
      { records: [{ partition: -1 }] },
      'body.records[0].partition: expected a whole number from 0 to 9999, got -1',
    ],
    ['fetch', { partitions: [] }, 'body.partitions: expected at least 1 element, got 0 elements'],
    ['fetch', { partitions: offsets(257) }, 'body.partitions: expected at most 256 elements, got 257 elements'],
    [
      'heartbeat',
      { ...member, subscribedTopicNames: list(limits.subscribedTopics + 1).map((_, at) => `t${at}`) },
      'body.subscribedTopicNames: expected at most 1000 elements, got 1001 elements',
    ],
    [
      'heartbeat',
      { ...member, topicPartitions: ofT({ partitions: list(limits.partitions + 1) }) },
      'body.topicPartitions[0].partitions: expected at most 10000 elements, got 10001 elements',
    ],
    ['commitOffsets', { topics: [] }, 'body.topics: expected at least 1 element, got 0 elements'],
    [
      'commitOffsets',
      { topics: ofT({ partitions: offsets(limits.commitPartitions + 1) }) },
      'body.topics[0].partitions: expected at most 1600 elements, got 1601 elements',
    ],
    [
      'resetOffsets',
      { topics: ofT({ partitions: [], target: { to: 'earliest' } }) },
      'body.topics[0].partitions: expected at least 1 element, got 0 elements',
    ],
    [
      'resetOffsets',
      { topics: ofT({ target: { to: 'noon' } }) },
      'body.topics[0].target.to: expected a "to" of earliest, latest, current, offset, offsets, shift or datetime, got "noon"',
    ],
    ['createTopic', { partitions: 'many' }, 'body.partitions: expected a whole number from 1 to 10000, got "many"'],
    ['createTopic', { config: { 'retention.ms': 5 } }, 'body.config.retention.ms: expected a string, got 5'],
    ['alterTopic', { config: { 'retention.ms': 5 } }, 'body.config.retention.ms: expected a string or null, got 5'],
  ])('%s', (id, body, sentence) => {
    expect(refusalOf(schemaOf(id), body, 'body')?.message.slice(0, 200)).toBe(sentence);
  });

  test('a long value or name is cut in the refusal, and never inside a character', () => {
    const long = '😀'.repeat(100);
    const value = refusalOf(schemaOf('createTopic'), { partitions: long }, 'body')!.message;
    const name = refusalOf(schemaOf('createTopic'), { [long]: 1 }, 'body')!;
    for (const text of [value, name.message, String(name.extra.field)]) {
      expect(text.length).toBeLessThan(200);
      expect(text.isWellFormed()).toBe(true);
    }
    expect(name.message).toMatch(/^body\["😀+.?\.\.\.\]: there is no such field$/u);
  });
});

test.each(['__proto__', 'constructor', 'toString'])('a configuration named %s does not vanish', (name) => {
  const config = JSON.parse(`{"${name}": "x"}`);
  for (const id of ['createTopic', 'alterTopic']) {
    const { bodySchema } = operations.find((one) => one.id === id)!;
    const refusal = refusalOf(bodySchema!, { config }, 'body');
    if (name === '__proto__')
      expect(refusal).toMatchObject({
        errorCode: 'INVALID_CONFIG',
        message: 'body.config.__proto__: expected the name of a topic configuration, got "x"',
      });
    // The engine refuses any other unknown name, so the name must get there.
    else expect(parse(bodySchema!, { config }, 'body')).toEqual({ config: { [name]: 'x' } });
  }
});
