// The SDK checks its options where they are given. The first call that would fail is too late.
import { expect, test } from 'vitest';
import { Rivulet, type RivuletOptions } from '../../client/rivulet.ts';

const url = 'http://127.0.0.1:1';
const secret = 'hunter2';

/** Calls the constructor with any value, as JavaScript may. */
const given = (options: object) => new Rivulet({ url, ...options } as RivuletOptions);

test.each<[object, string]>([
  [{ clientId: 'größe' }, 'clientId: expected 1 to 249 printable ASCII characters, got "größe"'],
  [{ clientId: '' }, 'clientId: expected 1 to 249 printable ASCII characters, got ""'],
  [{ clientId: 'a\nb' }, 'clientId: expected 1 to 249 printable ASCII characters, got "a\\nb"'],
  [{ clientId: ' a' }, 'clientId: expected 1 to 249 printable ASCII characters, got " a"'],
  [{ clientId: 'x'.repeat(250) }, 'clientId: expected 1 to 249 printable ASCII characters'],
  [{ clientId: 7 }, 'clientId: expected 1 to 249 printable ASCII characters, got 7'],
  [{ url: 'ftp://x' }, "url: expected an address like http://127.0.0.1:9292 or https://host, got 'ftp://x'"],
  [{ url: undefined }, "url: expected an address like http://127.0.0.1:9292 or https://host, got 'undefined'"],
  [
    { url: `http://me:${secret}@127.0.0.1:1` },
    'url: expected an address without user and password: use the option credentials',
  ],
  [{ url: 'http://127.0.0.1:1/?a=b' }, 'url: expected an address without ? and #, got http://127.0.0.1:1/?a=b'],
  [
    { url: 'http://a1.execute-api.eu-central-1.amazonaws.com' },
    'url: expected https://, because API Gateway speaks nothing else',
  ],
  [{ region: 'eu west' }, 'region: expected a name like eu-central-1, got "eu west"'],
  [{ region: '' }, 'region: expected a name like eu-central-1, got ""'],
  [{ credentials: null }, 'credentials: expected an object or a function'],
  [{ credentials: { secretAccessKey: secret } }, 'credentials.accessKeyId: expected visible ASCII without "/" or ","'],
  [{ credentials: { accessKeyId: 'ü', secretAccessKey: secret } }, 'credentials.accessKeyId: expected visible ASCII'],
  [{ credentials: { accessKeyId: 'a', secretAccessKey: '' } }, 'credentials.secretAccessKey: expected text'],
  [
    { credentials: { accessKeyId: 'a', secretAccessKey: secret, sessionToken: 'a b' } },
    'credentials.sessionToken: expected visible ASCII',
  ],
  [{ retry: { retries: -1 } }, 'retry.retries: expected a whole number from 0 to 9007199254740991, got -1'],
  [{ retry: { baseMs: Number.NaN } }, 'retry.baseMs: expected a whole number from 0 to 2147483647, got NaN'],
  [{ requestTimeoutMs: 0 }, 'requestTimeoutMs: expected a whole number from 1 to'],
  [{ onRetry: 'log' }, 'onRetry: expected a function, got string'],
])('new Rivulet(%j) is refused where it is made, and no secret is repeated', (options, sentence) => {
  const refused = expect.objectContaining({ errorCode: 'INVALID_REQUEST', detail: expect.stringContaining(sentence) });
  expect(() => given(options)).toThrow(refused);
  expect(() => given(options)).not.toThrow(secret);
});

test.each<[() => unknown, string]>([
  [
    () => given({}).producer({ compression: 'brotli' as 'gzip' }),
    'compression: expected none, gzip, snappy, lz4, zstd, got brotli',
  ],
  [() => given({}).producer({ idempotent: 'no' as unknown as boolean }), 'idempotent: expected true, false, got no'],
  [
    () => given({}).consumer({ autoOffsetReset: 'first' as 'none' }),
    'autoOffsetReset: expected earliest, latest, none, got first',
  ],
  [() => given({}).consumer({ assignor: 'sticky' as 'range' }), 'assignor: expected uniform, range'],
  [() => given({}).consumer({ autoCommit: 1 as unknown as boolean }), 'autoCommit: expected true, false, got 1'],
  [() => given({}).consumer({ groupId: 7 as unknown as string }), 'groupId: expected text, got number'],
  [
    () => given({}).consumer({ groupId: '\ud800' }),
    'groupId: expected text in valid Unicode, got a lone surrogate at character 1',
  ],
  [() => given({}).consumer({ groupId: 'g', groupInstanceId: '' }), 'groupInstanceId: expected text that is not empty'],
  [
    () => given({}).consumer({ groupId: 'g', onMembership: {} as () => void }),
    'onMembership: expected a function, got object',
  ],
])('an option that cannot be used is refused where it is given: %s', (make, sentence) => {
  expect(make).toThrow(sentence);
});

const half = 'a\ud800';
const refusal = 'expected text in valid Unicode, got a lone surrogate at character 2';
const rivulet = new Rivulet({ url, retry: { retries: 0 } });
const member = () => rivulet.consumer({ groupId: 'g' });

test.each<[string, () => Promise<unknown>]>([
  ['topic', () => rivulet.admin().describeTopic(half)],
  ['topic', () => rivulet.producer().send({ topic: half, messages: [{ value: 'v' }] })],
  ['topic', () => rivulet.admin().deleteGroupOffsets({ groupId: 'g', topics: [{ topic: half }] })],
  ['topic', () => member().committed(half)],
  ['groupId', () => rivulet.admin().deleteGroups([half])],
  ['metadata', () => member().commit([{ topic: 't', partition: 0, offset: 1, metadata: half }])],
  ['topics[0]', async () => member().subscribe({ topics: [half] })],
  ['topics', async () => member().subscribe({ topics: new RegExp(half) })],
  ['retention.ms', () => rivulet.admin().alterTopic({ topic: 't', config: { 'retention.ms': half } })],
  ['the name of a field', () => rivulet.admin().alterTopic({ topic: 't', config: { [half]: '1' } })],
])('half of a surrogate pair in %s is refused by name, and nothing is sent', async (field, call) => {
  await expect(call()).rejects.toMatchObject({ detail: `${field}: ${refusal}` });
});

test('a topic that is not text is refused, and not taken for a topic called undefined', async () => {
  await expect(rivulet.admin().describeTopic(undefined as unknown as string)).rejects.toMatchObject({
    errorCode: 'INVALID_TOPIC_EXCEPTION',
    detail: 'topic: expected text, got undefined',
  });
});

test('a function that gives no credentials causes an error that says so', async () => {
  await expect(
    given({ credentials: async () => ({ accessKeyId: 'a' }) })
      .admin()
      .listTopics(),
  ).rejects.toMatchObject({
    errorCode: 'CREDENTIALS_UNAVAILABLE',
    detail: expect.stringContaining('the function gave credentials.secretAccessKey: expected text'),
  });
});
