// A webhook behind TLS. The connection goes to the address that was checked, and the certificate must be for the name of the URL.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWebhook } from '../../../../lib/push/delivery/webhook/webhook.ts';
import { systemClock } from '../../../../lib/runtime/clock.ts';
import { newRoot } from '../../../kafka/auth/certificates.ts';
import { offsets } from '../records.ts';

let server: Server;
let requests = 0;
const before = getCACertificates('default');
const root = await newRoot();

beforeAll(async () => {
  server = createServer(await root.sign('CN=localhost'), (_request, response) => {
    requests += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  setDefaultCACertificates(before);
  server.closeAllConnections();
  server.close();
});

const deliver = (host: string) =>
  createWebhook({
    url: `https://${host}:${(server.address() as AddressInfo).port}/`,
    network: { local: true, resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    secrets: [{ secret: 's' }],
    bootstrapServers: '',
    reportBatchItemFailures: false,
    answerMs: 10_000,
    clock: systemClock,
  }).deliver(offsets(1), { deadlineMs: 10_000 });

test('a certificate that nobody trusts, or that is for another name, ends a delivery before the event is sent', async () => {
  expect(await deliver('localhost')).toMatchObject({ kind: 'failed', error: expect.stringContaining('certificate') });
  setDefaultCACertificates([...before, root.cert]);
  expect(await deliver('webhook.example.com')).toMatchObject({
    kind: 'failed',
    error: expect.stringContaining('altnames'),
  });
  expect(requests).toBe(0);
  expect(await deliver('localhost')).toMatchObject({ kind: 'answered' });
  expect(requests).toBe(1);
});
