import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { operationsOf } from '../../http/api.ts';
import { problem } from '../../http/schemas/replies.ts';
import { errorTitles } from '../../lib/api/error-titles.ts';
import { catalogue, type ErrorCode } from '../../lib/api/errors.ts';
import { limits } from '../../lib/api/limits.ts';
import { parseJson } from '../../lib/json/text.ts';
import { BATCHES_MEDIA_TYPE } from '../../lib/record/frames.ts';
import { memoryApi } from '../conformance/memory-api.ts';

const text = readFileSync('docs/PROTOCOL.md', 'utf8');
const operations = operationsOf({ engine: undefined as never, version: '' });

const rowsOf = (header: string) => {
  const [, table = ''] = text.split(`${header}\n`);
  const [, ...lines] = (table.split('\n\n')[0] ?? '').trim().split('\n');
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
};
const blocks = [...text.matchAll(/^```(\w+) ([^\n]+)\n(.*?)^```/gms)].map(([, language, info = '', body = '']) => ({
  language,
  info,
  body,
}));

/** The bytes of an annotated hex block. They stand before two spaces on each line. */
function bytesOfBlock(name: string): Buffer {
  const body = blocks.find(({ language, info }) => language === 'hex' && info === name)?.body ?? '';
  return Buffer.from(body.replaceAll(/ {2,}.*$/gm, '').replaceAll(/\s/g, ''), 'hex');
}
const fixture = (name: string) => readFileSync(`test/fixtures/http/${name}.bin`);

describe('docs/PROTOCOL.md', () => {
  it('lists all operations', () => {
    const rows = rowsOf('| method | path | does |').map(([method, path]) => `${method} ${path}`);
    expect(rows).toEqual(operations.map(({ method, path }) => `${method} ${path}`));
  });

  it('lists every limit with its value', () => {
    const rows = rowsOf('| limit | value | of |').map(([name, value]) => [name, Number(value)]);
    expect(Object.fromEntries(rows)).toEqual(limits);
  });

  it('lists every error as it is in the catalogue', () => {
    const rows = rowsOf('| errorCode | kafkaErrorCode | status | retriable | title |');
    const expected = Object.entries(catalogue).map(([code, { kafkaErrorCode, status, retriable }]) => [
      code,
      String(kafkaErrorCode),
      String(status),
      retriable ? 'yes' : 'no',
      errorTitles[code as ErrorCode],
    ]);
    expect(rows).toEqual(expected);
  });

  it.each(blocks.filter(({ language }) => language === 'json'))('has a valid example: $info', ({ info, body }) => {
    const value = parseJson(body);
    if (info === 'problem') return void problem.parse(value);
    const [, kind, id, variant] = info.match(/^(request|reply)=(\w+)( batches)?$/) ?? [];
    const operation = operations.find((one) => one.id === id);
    const reply = variant ? operation?.batchesReplySchema : operation?.replySchema;
    const schema = kind === 'request' ? operation?.bodySchema : reply;
    expect(schema, `there is no schema for ${info}`).toBeDefined();
    schema?.parse(value);
  });

  it('has an example for every body', () => {
    const shown = blocks.map(({ info }) => info);
    for (const { id, bodySchema, replySchema } of operations) {
      if (bodySchema) expect(shown).toContain(`request=${id}`);
      // The exceptions are documents that resemble another one, or are the OpenAPI document itself.
      if (
        replySchema &&
        !['alterTopic', 'produceToPartition', 'startMaintenance', 'maintenance', 'openApi'].includes(id) &&
        ![
          'updateSubscription',
          'updateSubscriptionWithDeadLetters',
          'pauseSubscription',
          'resumeSubscription',
          'retryNow',
        ].includes(id)
      )
        expect(shown).toContain(`reply=${id}`);
    }
  });

  it.each(['produce-request', 'fetch-reply'])('shows the bytes of the golden file %s', (name) => {
    expect(bytesOfBlock(name).toString('hex')).toBe(fixture(name).toString('hex'));
  });

  it('shows frames as the service takes and returns them', async () => {
    const api = memoryApi();
    const send = async (method: string, path: string, type: string, body: string | Uint8Array) => {
      const headers = {
        'content-type': type,
        accept: method === 'POST' && path.endsWith('fetch') ? BATCHES_MEDIA_TYPE : '*/*',
      };
      const requestContext = { requestId: 'r', http: { method, path } };
      const result = await api({
        version: '2.0',
        rawPath: path,
        rawQueryString: '',
        headers,
        requestContext,
        body,
        isBase64Encoded: false,
      });
      expect(result.statusCode).toBeLessThan(300);
      return result;
    };
    await send('PUT', '/v1/topics/orders', 'application/json', '{"partitions":4}');
    await send('POST', '/v1/topics/orders/records', BATCHES_MEDIA_TYPE, fixture('produce-request'));
    await send('POST', '/v1/topics/orders/records', BATCHES_MEDIA_TYPE, fixture('produce-request'));
    const partitions = [
      { partition: 3, offset: 1 },
      { partition: 9, offset: 0 },
    ];
    const reply = await send('POST', '/v1/topics/orders/fetch', 'application/json', JSON.stringify({ partitions }));
    const pieces = reply.body as readonly Uint8Array[];
    expect(Buffer.concat(pieces).toString('hex')).toBe(fixture('fetch-reply').toString('hex'));
  });
});
