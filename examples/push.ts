// `npm run demo:push`: orders go in, and a webhook on this machine gets them. Its handler fails for one order. The others are
// delivered in order, the one that failed waits in the topic of dead letters, and is delivered after the handler was fixed.
// It exits with 0 only if that is so.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { plural } from '../cli/output.ts';
import { Rivulet } from '../client/rivulet.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { openBackend } from '../local/backend.ts';
import { startServer } from '../local/server.ts';
import './failures.ts';
import { isSigned } from './push-signature.ts';

const [topic, deadTopic, groupId] = ['orders', 'orders-dead', 'billing'] as const;
const poison = 7;
const count = 20;

/** The event that a function of yours would get, as far as this handler needs it. */
type PushEvent = { readonly records: Readonly<Record<string, readonly PushRecord[]>> };
type PushRecord = { readonly offset: number; readonly value: string };

const billed: number[] = [];
let isFixed = false;
let secret = '';

const backend = openBackend({ directory: mkdtempSync(join(tmpdir(), 'rivulet-demo-')) });
const service = await startServer({ api: backend.api, clock: systemClock });
const webhook = createServer((request, response) => {
  answer(request).then(
    (body) => response.end(body),
    () => response.writeHead(500).end(),
  );
});
try {
  process.exitCode = (await runDemo()) ? 0 : 1;
} finally {
  await backend.endDeliveries();
  webhook.close();
  await service.close();
  backend.close();
  rmSync(backend.directory, { recursive: true, force: true });
}

/** @returns whether every order was billed once, and in order but for the one that failed. */
async function runDemo(): Promise<boolean> {
  const rivulet = new Rivulet({ url: service.url });
  const admin = rivulet.admin();
  await admin.createTopics({ topics: [topic, deadTopic].map((name) => ({ topic: name, partitions: 1 })) });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/orders`;
  const created = await admin.createSubscription({
    ...{ topic, groupId, target: { url }, startingPosition: 'TRIM_HORIZON' },
    ...{
      batchSize: 5,
      maximumRetryAttempts: 1,
      bisectBatchOnFunctionError: true,
      reportBatchItemFailures: true,
      onFailure: { topic: deadTopic },
    },
  });
  secret = created.secret ?? '';
  console.log(`Subscribed ${url} to the topic ${topic}. Its handler fails for order ${poison}.`);

  const orders = Array.from({ length: count }, (_, order) => ({
    key: `order-${order}`,
    value: JSON.stringify({ order }),
  }));
  await rivulet.producer().send({ topic, messages: orders });
  console.log(`Wrote ${plural(count, 'order')}.`);
  await until(() => billed.length === count - 1);
  const inOrder = orders.map((_, order) => order).filter((order) => order !== poison);
  const othersInOrder = String(billed) === String(inOrder);
  console.log(`Billed ${othersInOrder ? 'in order' : 'OUT OF ORDER'}: ${billed.join(' ')}`);
  console.log(`In ${deadTopic}: ${await deadLetters(rivulet)}`);

  isFixed = true;
  const { delivered } = await admin.retryDeadLetters({ topic, groupId });
  console.log(
    `The handler is fixed. \`rivulet subscriptions retry ${groupId}\` delivers ${plural(delivered, 'dead letter')}.`,
  );
  const { lag } = await admin.describeSubscription({ topic, groupId });
  console.log(`Order ${billed.at(-1)} is billed too. ${plural(lag, 'record')} left to deliver.`);
  return othersInOrder && delivered === 1 && billed.at(-1) === poison && lag === 0;
}

/** The handler. The records before the one that fails are done. */
async function answer(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  if (!isSigned(String(request.headers['rivulet-signature']), body, secret)) throw new Error('the signature is wrong');
  const [[partition, records = []] = ['']] = Object.entries((JSON.parse(body) as PushEvent).records);
  for (const { offset, value } of records) {
    const { order } = JSON.parse(Buffer.from(value, 'base64').toString()) as { order: number };
    if (order === poison && !isFixed)
      return JSON.stringify({ batchItemFailures: [{ itemIdentifier: { partition, offset } }] });
    billed.push(order);
  }
  return '';
}

async function deadLetters(rivulet: Rivulet): Promise<string> {
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign([{ topic: deadTopic, partition: 0 }]);
  try {
    for await (const { key, headers } of consumer)
      return `${key}, given up because ${headers.find((one) => one.key === 'rivulet.push.error')?.value}`;
    return 'nothing';
  } finally {
    await consumer.stop();
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const endsMs = systemClock.monotonic() + 60_000;
  while (!isTrue() && systemClock.monotonic() < endsMs) await sleep(20);
}
