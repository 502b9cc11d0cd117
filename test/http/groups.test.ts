import { describe, expect, it } from 'vitest';
import { pageOf } from '../../http/operations/groups.ts';
import { parse } from '../../http/parse.ts';
import { commitOffsetsBody, heartbeatBody, resetOffsetsBody } from '../../http/schemas/group-schemas.ts';
import { limits } from '../../lib/api/limits.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { memoryApi } from '../conformance/memory-api.ts';

const heartbeat = { memberId: 'm', memberEpoch: 0, heartbeatSeq: 1 };
const refusal = (fields: object) => () => parse(heartbeatBody, { ...heartbeat, ...fields }, 'body');

describe('a heartbeat', () => {
  it('needs three members, and the others may be null', () => {
    const names = Object.keys(heartbeatBody.shape).filter((name) => !(name in heartbeat));
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    expect(parse(heartbeatBody, { ...heartbeat, ...nulls }, 'body')).toEqual({ ...heartbeat, ...nulls });
    expect(parse(heartbeatBody, heartbeat, 'body')).toEqual(heartbeat);
  });

  it.each([
    [{ memberId: 'a'.repeat(65) }, 'body.memberId: expected 1 to 64'],
    [{ instanceId: '..' }, 'body.instanceId: expected 1 to 249'],
    [{ clientId: 'a\u001b[2J' }, 'body.clientId: expected 1 to 249 printable'],
    [{ clientId: '' }, 'body.clientId: expected 1 to 249 printable'],
    [{ rackId: 'r'.repeat(250) }, 'body.rackId: expected 1 to 249 printable'],
    [{ sessionTimeoutMs: 0 }, 'body.sessionTimeoutMs: expected a whole number from 1'],
    [{ subscribedTopicNames: Array.from({ length: 1_001 }, (_, i) => `t${i}`) }, 'body.subscribedTopicNames: '],
    [
      { topicPartitions: [{ topic: 'a', partitions: [1, 1] }] },
      'body.topicPartitions[0].partitions[1]: expected each partition once',
    ],
    [{ topicPartitions: [{ topic: 'a', partitions: [10_000] }] }, 'body.topicPartitions[0].partitions[0]: expected'],
    [{ topicPartitions: [{ topic: 'a', topicId: 'x', partitions: [] }] }, 'body.topicPartitions[0].topicId: expected'],
  ])('is refused with %j', (fields, detail) => {
    expect(refusal(fields)).toThrow(detail);
  });
});

describe('a commit', () => {
  it('may name as many partitions as the limit says', () => {
    const partitions = (count: number) => Array.from({ length: count }, (_, partition) => ({ partition, offset: 1 }));
    const body = (count: number) => ({ topics: [{ topic: 'a', partitions: partitions(count) }] });
    parse(commitOffsetsBody, body(limits.commitPartitions), 'body');
    expect(() => parse(commitOffsetsBody, body(limits.commitPartitions + 1), 'body')).toThrow('topics[0].partitions');
  });
});

describe('a reset', () => {
  it('names each topic and each partition once', () => {
    const of = (topic: string, target: object, more = {}) => ({ topic, target, ...more });
    const offsets = [
      { partition: 0, offset: 1 },
      { partition: 1, offset: 2 },
    ];
    parse(resetOffsetsBody, { topics: [of('a', { to: 'offsets', offsets }), of('b', { to: 'latest' })] }, 'body');
    const refused = (topics: object[]) => () => parse(resetOffsetsBody, { topics }, 'body');
    expect(refused([of('a', { to: 'latest' }), of('a', { to: 'latest' })])).toThrow(
      'body.topics[1]: expected each topic once',
    );
    const twice = [...offsets, ...offsets];
    expect(refused([of('a', { to: 'offsets', offsets: twice })])).toThrow(
      'target.offsets[2]: expected each partition once',
    );
    const both = of('a', { to: 'offsets', offsets }, { partitions: [0] });
    expect(refused([both])).toThrow('body.topics[0].partitions: expected nothing beside target.offsets, got 1 element');
  });
});

describe('a page', () => {
  const rows = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(8));

  it('holds as many rows as fit, and says where the next page begins', () => {
    expect(pageOf(rows, 0, 25)).toEqual({ rows: rows.slice(0, 2), next: 2 });
    expect(pageOf(rows, 2, 25)).toEqual({ rows: rows.slice(2), next: undefined });
    expect(pageOf(rows, 0, 1_000)).toEqual({ rows, next: undefined });
  });

  it('has at least one row, and none after the end', () => {
    expect(pageOf(rows, 1, 1)).toEqual({ rows: ['bbbbbbbb'], next: 2 });
    expect(pageOf(rows, 9, 25)).toEqual({ rows: [], next: undefined });
  });
});

describe('the data that the gateway adds to a request', () => {
  const api = memoryApi();

  async function send(method: string, path: string, context: object, body?: object) {
    const requestContext = { requestId: 'r', ...context, http: { method, path, sourceIp: '192.0.2.17' } };
    const headers = { 'content-type': 'application/json' };
    const base = { version: '2.0' as const, rawPath: path, rawQueryString: '', headers, requestContext };
    const event = { ...base, isBase64Encoded: false, ...(body && { body: JSON.stringify(body) }) };
    const { statusCode, body: text } = await api(event);
    return { statusCode, json: JSON.parse(String(text)) };
  }
  const beat = (heartbeatSeq: number, timeEpoch: number) => {
    const body = { ...heartbeat, heartbeatSeq, subscribedTopicNames: ['none'] };
    return send('POST', '/v1/groups/g/heartbeat', { timeEpoch }, body);
  };

  it('includes a time, and a coordinator whose clock is far from it refuses the heartbeat', async () => {
    for (const offMs of [-120_000, 120_000])
      expect(await beat(1, systemClock.now() + offMs)).toMatchObject({
        statusCode: 503,
        json: { errorCode: 'COORDINATOR_NOT_AVAILABLE', retriable: true, outcome: 'not-written' },
      });
    expect(await beat(1, systemClock.now())).toMatchObject({ statusCode: 200 });
  });

  it('includes the address of a member', async () => {
    await beat(2, systemClock.now());
    const { json } = await send('GET', '/v1/groups/g', {});
    expect(json.memberDetails).toMatchObject([{ memberId: 'm', host: '192.0.2.17' }]);
  });
});
