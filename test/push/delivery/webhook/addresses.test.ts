// Attacks on the place that a webhook leads to. Each delivery must end before a byte reaches an address that is not allowed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isPublicAddress } from '../../../../lib/push/delivery/webhook/addresses.ts';
import { allowedAddresses, parseUrl, type WebhookNetwork } from '../../../../lib/push/delivery/webhook/url.ts';
import { createWebhook } from '../../../../lib/push/delivery/webhook/webhook.ts';
import { systemClock } from '../../../../lib/runtime/clock.ts';
import { offsets } from '../records.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const leadingTo = (...addresses: string[]): WebhookNetwork => ({
  local: false,
  resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
});

describe('addresses', () => {
  test.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '169.254.170.2',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:0:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::808:808',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
    'ff02::1',
    '100::1',
    '2001:db8::1',
    '4000::1',
    'name',
    '',
    '127.1',
    '0x7f.1',
  ])('%s is refused', (address) => expect(isPublicAddress(address)).toBe(false));

  test.each(['8.8.8.8', '52.94.236.248', '2600:1f18::1', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
});

describe('URLs in AWS', () => {
  test.each([
    ['http://example.com/', 'expected a URL that begins with https:'],
    ['ftp://example.com/', 'expected a URL that begins with https:'],
    ['file:///etc/passwd', 'expected a URL that begins with https:'],
    ['https://example.com:8443/', 'expected port 443'],
    ['https://ada:secret@example.com/', 'expected no user and no password, got "example.com..."'],
    ['https://example.com/#here', 'expected no fragment'],
    ['example.com', 'expected a URL'],
    ['https://', 'expected a URL'],
    [`https://example.com/${'x'.repeat(2_048)}`, 'expected at most 2048 characters, got 2068'],
  ])('%s is refused', (url, message) =>
    expect(() => parseUrl(url, { local: false })).toThrow(`target.url: ${message}`),
  );

  test.each(['https://example.com', 'https://example.com:443/orders?x=1'])('%s is taken', (url) =>
    expect(parseUrl(url, { local: false }).port).toBe(''),
  );

  // A URL writes IPv4 in many ways, and all of them are the same address.
  test.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fd00:ec2::254]/',
  ])('%s leads to no public address', async (url) => {
    const network = { local: false };
    await expect(allowedAddresses(parseUrl(url, network), network)).rejects.toThrow(
      'target.url: expected a host name that has only public addresses',
    );
  });

  test('one private address among public ones is enough to refuse', async () => {
    const url = parseUrl('https://example.com', { local: false });
    await expect(allowedAddresses(url, leadingTo('8.8.8.8', '10.0.0.1'))).rejects.toThrow(
      'target.url: expected a host name that has only public addresses, got "example.com"',
    );
    expect(await allowedAddresses(url, leadingTo('8.8.8.8', '8.8.4.4'))).toHaveLength(2);
  });
});

test('a service on this machine takes http: only to this machine, and https: not to private networks', async () => {
  const local = (...addresses: string[]) => ({ ...leadingTo(...addresses), local: true });
  const allowed = (url: string, ...addresses: string[]) =>
    allowedAddresses(parseUrl(url, { local: true }), local(...addresses)).then(
      () => true,
      () => false,
    );
  expect(await allowed('http://localhost:3000/', '127.0.0.1', '::1')).toBe(true);
  expect(await allowed('http://example.com:3000/', '8.8.8.8')).toBe(false);
  expect(await allowed('http://rebinds.example.com/', '127.0.0.1', '10.0.0.1')).toBe(false);
  expect(await allowed('https://localhost:3000/', '127.0.0.1')).toBe(true);
  expect(await allowed('https://example.com:8443/', '8.8.8.8')).toBe(true);
  expect(await allowed('https://example.com/', '192.168.1.1')).toBe(false);
  expect(await allowed('https://example.com/', '169.254.169.254')).toBe(false);
});

describe('a connection', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  const deliver = (url: string, network: WebhookNetwork) =>
    createWebhook({
      ...{
        url,
        network,
        secrets: [{ secret: 's' }],
        bootstrapServers: '',
        reportBatchItemFailures: false,
        answerMs: 30_000,
        clock: systemClock,
      },
    }).deliver(offsets(1), { deadlineMs: 5_000 });

  test('goes to the address that was checked, and the name is resolved once', async () => {
    let asked = 0;
    const resolve = async (name: string) => {
      asked += 1;
      expect(name).toBe('webhook.invalid');
      // A second question would get another answer, as an attacker's name server would give it.
      return [{ address: asked === 1 ? '127.0.0.1' : '8.8.8.8', family: 4 as const }];
    };
    const url = `http://webhook.invalid:${receiver.port}/`;
    expect(await deliver(url, { local: true, resolve })).toMatchObject({ kind: 'answered' });
    expect(asked).toBe(1);
    expect(receiver.received.at(-1)?.headers.host).toBe(`webhook.invalid:${receiver.port}`);
  });

  test('is checked again at each delivery: a name that turns to a private address is refused', async () => {
    const before = receiver.received.length;
    const answers = ['127.0.0.1', '10.0.0.1'];
    const resolve = async () => [{ address: answers.shift()!, family: 4 as const }];
    const network = { local: true, resolve };
    const url = `http://webhook.invalid:${receiver.port}/`;
    expect(await deliver(url, network)).toMatchObject({ kind: 'answered' });
    expect(await deliver(url, network)).toMatchObject({ kind: 'failed', error: expect.stringContaining('https:') });
    expect(receiver.received.length).toBe(before + 1);
  });

  test.each(['127.0.0.1', '::ffff:127.0.0.1', '::1', '64:ff9b::127.0.0.1', '169.254.169.254'])(
    'is never opened from AWS to %s',
    async (address) => {
      const before = receiver.received.length;
      // The error goes to whoever may describe the subscription, so it does not say which address the name has inside.
      expect(await deliver('https://webhook.example.com/', leadingTo(address))).toEqual({
        kind: 'failed',
        error: 'target.url: expected a host name that has only public addresses, got "webhook.example.com"',
      });
      expect(receiver.received.length).toBe(before);
    },
  );
});
