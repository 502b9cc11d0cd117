// The rules file, and the table of rights: held to be complete, and each row held to the shapes of requests and replies.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apis } from '../../../kafka/apis.ts';
import type { Message } from '../../../kafka/auth/rules/guards.ts';
import { guardOf } from '../../../kafka/auth/rules/rights.ts';
import { everything, type Rights, readRules } from '../../../kafka/auth/rules/rules.ts';
import { codecOf } from '../../../kafka/codec/compile.ts';
import { nameOfApi, readRequest, replyFrame } from '../../../kafka/codec/frame.ts';
import { FrameReader } from '../../../kafka/codec/reader.ts';
import { isWithin, messageRow, versionRange } from '../../../kafka/schema/table.ts';
import { messageOf } from '../codec/arbitrary-message.ts';
import { requestFrame } from '../wire.ts';

const rulesOf = (...rules: object[]) => readRules(JSON.stringify({ version: 1, rules }));

describe('a rule', () => {
  const rules = rulesOf(
    {
      principals: ['ada', 'arn:aws:sts::1:assumed-role/app/*'],
      operations: ['READ'],
      topics: ['orders'],
      groups: ['g'],
    },
    { principals: ['ada'], operations: ['WRITE', 'ALTER_CONFIGS'], topicPrefixes: ['log.'], groupPrefixes: ['app/'] },
    { principals: ['admin'], operations: ['ALL'], cluster: true, topicPrefixes: [''] },
  );
  const ada = rules.rightsOf('ada');

  test.each([
    ['READ', 'topic', 'orders', true],
    ['DESCRIBE', 'topic', 'orders', true],
    ['WRITE', 'topic', 'orders', false],
    ['DESCRIBE_CONFIGS', 'topic', 'log.x', true],
    ['WRITE', 'topic', 'log.', true],
    ['WRITE', 'topic', 'log', false],
    ['WRITE', 'topic', 'logs', false],
    ['READ', 'topic', 'log.x', false],
    ['READ', 'group', 'g', true],
    ['READ', 'transactionalId', 'g', false],
    ['READ', 'cluster', undefined, false],
    ['READ', 'topic', undefined, false],
    // Names are compared as they are.
    ['READ', 'topic', 'Orders', false],
    ['READ', 'topic', 'orders ', false],
    ['READ', 'topic', './orders', false],
    ['READ', 'topic', 'orders/', false],
    ['READ', 'topic', 'x/../orders', false],
    ['READ', 'topic', '%6frders', false],
    ['READ', 'topic', 'orders\0', false],
    ['READ', 'topic', 'o*', false],
    ['READ', 'topic', '', false],
    ['WRITE', 'group', 'app', false],
    ['WRITE', 'group', 'app/../x', true],
    ['WRITE', 'group', 'APP/x', false],
    ['WRITE', 'group', '/app/x', false],
    ['READ', 'topic', '__proto__', false],
  ] as const)('%s on %s %j: %j', (operation, kind, name, allowed) => {
    expect(ada.may(operation, kind, name)).toBe(allowed);
  });

  test('is for principals that are named, or begin as it says', () => {
    const mayRead = (principal: string) => rules.rightsOf(principal).may('READ', 'topic', 'orders');
    expect(['arn:aws:sts::1:assumed-role/app/x', 'ada', 'admin'].map(mayRead)).toEqual([true, true, true]);
    const others = [
      'arn:aws:sts::1:assumed-role/app',
      'arn:aws:sts::2:assumed-role/app/x',
      'Ada',
      'ada ',
      '',
      'ad',
      '*',
    ];
    expect(others.map(mayRead)).toEqual(others.map(() => false));
  });

  test('lets nobody do what it does not name', () => {
    const { may, mayOnSome } = rulesOf().rightsOf('ada');
    expect([may('DESCRIBE', 'topic', 'orders'), may('DESCRIBE', 'cluster'), mayOnSome('WRITE', 'topic')]).toEqual([
      false,
      false,
      false,
    ]);
    expect(rules.rightsOf('admin').may('CLUSTER_ACTION', 'cluster')).toBe(true);
    expect(rules.rightsOf('admin').may('READ', 'group', 'g')).toBe(false);
  });

  test.each([
    ['no JSON', '{', 'rules file: expected JSON'],
    ['another version', '{"version":2,"rules":[]}', 'rules file: version'],
    [
      'a field that does not exist',
      '{"version":1,"rules":[{"principals":["a"],"operations":["READ"],"topic":"x"}]}',
      'rules.0',
    ],
    [
      'an operation that does not exist',
      '{"version":1,"rules":[{"principals":["a"],"operations":["read"]}]}',
      'rules.0.operations.0',
    ],
    ['no principal', '{"version":1,"rules":[{"principals":[],"operations":["READ"]}]}', 'rules.0.principals'],
  ])('is refused with %s', (_, text, reason) => {
    expect(() => readRules(text)).toThrow(reason);
  });
});

const nobody: Rights = { may: () => false, mayOnSome: () => false };
const names = async (topicId: string) => `topic ${topicId}`;

/** They ask for no right, or show what may be seen. */
const openToAll = [
  'ApiVersions',
  'SaslHandshake',
  'SaslAuthenticate',
  'DescribeCluster',
  'Metadata',
  'ListGroups',
  'ListTransactions',
];

const guarded = Array.from({ length: 70 }, (_, apiKey) => apiKey).filter((apiKey) => guardOf(apiKey));

describe('the table of rights', () => {
  test('has a row for every API that is offered', () => {
    expect([...apis.keys()].filter((apiKey) => !guardOf(apiKey))).toEqual([]);
  });

  type Body = Readonly<Record<string, unknown>>;
  const isCode = (field: string): boolean => /^(partitionE|e)rrorCode$/.test(field);
  /** The codes below the top. */
  const codesIn = (message: Body): number[] =>
    Object.values(message)
      .flatMap((value) => (Array.isArray(value) ? (value as Body[]) : []))
      .flatMap((element) => [
        ...Object.entries(element).flatMap(([field, value]) => (isCode(field) ? [value as number] : [])),
        ...codesIn(element),
      ]);
  const refusals = [29, 30, 31, 53, 100];

  const anyRequestOf = (apiKey: number) => {
    const name = `${nameOfApi(apiKey)}Request`;
    const [first, last] = apis.get(apiKey)?.versions ?? versionRange(messageRow(name).versions);
    // Later versions of AddPartitionsToTxn are of brokers.
    return fc
      .integer({ min: first, max: apiKey === 24 ? 3 : last })
      .chain((version) => messageOf(name, version).map((value) => ({ version, value })));
  };

  /** The request as it comes over the wire, and what the guard makes of it. */
  async function guard(apiKey: number, version: number, value: object, rights: Rights) {
    const frame = requestFrame({ apiKey, version, correlationId: 1 }, value).subarray(4);
    const message = readRequest(frame).message as Message;
    return { message, verdict: await guardOf(apiKey)!(message, { rights, version, nameOf: names }) };
  }

  /** The reply as a client reads it. */
  function readReply(apiKey: number, version: number, reply: object): Body {
    const name = `${nameOfApi(apiKey)}Response`;
    const frame = Buffer.concat(replyFrame({ apiKey, version, correlationId: 1 }, reply)).subarray(4);
    const reader = new FrameReader(frame);
    codecOf('ResponseHeader', isWithin(version, messageRow(name).flexible) ? 1 : 0).read(reader);
    return codecOf(name, version).read(reader) as Body;
  }

  const named = (keys: readonly number[]) => keys.map((apiKey) => [nameOfApi(apiKey), apiKey] as const);

  test.each(named(guarded.filter((apiKey) => !openToAll.includes(nameOfApi(apiKey)))))(
    '%s refuses everything to somebody without rights',
    async (_, apiKey) => {
      let refused = 0;
      const property = fc.asyncProperty(anyRequestOf(apiKey), async ({ version, value }) => {
        // It closes the connection.
        if (value.acks === 0) return;
        const { message, verdict } = await guard(apiKey, version, value, nobody);
        if (!('reply' in verdict)) {
          expect(asksNothing(message)).toBe(true);
          return;
        }
        refused++;
        const reply = readReply(apiKey, version, verdict.reply);
        const codes = codesIn(reply);
        expect(codes.filter((code) => !refusals.includes(code))).toEqual([]);
        if (codes.length === 0 && 'errorCode' in reply) expect([0, ...refusals]).toContain(reply.errorCode);
      });
      await fc.assert(property, { numRuns: 60 });
      expect(refused).toBeGreaterThan(5);
    },
  );

  test.each(named(guarded))('%s lets everything pass to somebody with all rights', async (_, apiKey) => {
    const property = fc.asyncProperty(anyRequestOf(apiKey), async ({ version, value }) => {
      const { message, verdict } = await guard(apiKey, version, value, everything);
      expect('request' in verdict && verdict.request).toEqual(message);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test('lets no id reach a handler that has no topic yet: the handler could find one', async () => {
    const asker = {
      rights: rulesOf({ principals: ['ada'], operations: ['READ'], topics: ['orders'] }).rightsOf('ada'),
    };
    const topicId = Buffer.alloc(16, 7).toString('base64url');
    const request = { topics: [{ topic: '', topicId, partitions: [{ partition: 0 }] }] };
    const verdict = await guardOf(1)!(request, { ...asker, version: 16, nameOf: async () => undefined });
    expect(verdict).toMatchObject({ reply: { responses: [{ topicId, partitions: [{ errorCode: 100 }] }] } });
  });

  /** A request that names nothing, or asks for what does not exist, needs no right. */
  function asksNothing(message: Message): boolean {
    const lists = [
      'topics',
      'topicData',
      'resources',
      'groups',
      'coordinatorKeys',
      'groupIds',
      'groupsNames',
      'topicNames',
    ];
    const others = ['transactionalIds', 'v3AndBelowTopics'];
    const given = [...lists, ...others].flatMap((field) => (message[field] as unknown[] | undefined) ?? []);
    const isUnknownType = 'keyType' in message && ![0, 1].includes(message.keyType as number);
    return given.length === 0 || isUnknownType;
  }
});
