// The pages of subscriptions, beside what `rivulet subscriptions` prints, with a webhook on this machine.
import { beforeAll, describe, expect, test } from 'vitest';
import type { SubscriptionDescription } from '../../client/admin/subscription-admin.ts';
import { Rivulet } from '../../client/rivulet.ts';
import type { SubscriptionSummary } from '../../lib/api/push.ts';
import { type Receiver, startReceiver } from '../push/delivery/webhook/receiver.ts';
import { expectFine, reasonToSkip, rowsOf, startConsole } from './browser.ts';

/** A machine with much other work runs a command in a second or two. */
const soon = { timeout: 30_000 };
const count = (value: number): string => value.toLocaleString('en-US');

describe.skipIf(reasonToSkip)('the pages of subscriptions', () => {
  const console = startConsole();
  let client: Rivulet;
  let webhook: Receiver;
  let isFailing = false;
  beforeAll(async () => {
    client = new Rivulet({ url: console.service.url });
    webhook = await startReceiver((response) => response.writeHead(isFailing ? 500 : 200).end());
    const topics = [{ topic: 'orders', partitions: 2 }, { topic: 'orders-dead' }, { topic: 'returns' }];
    await client.admin().createTopics({ topics });
    await send('0', '1');
    return () => webhook.close();
  });
  /** Sends one record to each partition. */
  const send = (...values: string[]) =>
    client.producer().send({ topic: 'orders', messages: values.map((value, partition) => ({ value, partition })) });
  const listed = async (): Promise<SubscriptionSummary[]> =>
    JSON.parse(await console.cli(['subscriptions', 'list', '-o', 'json'])) as SubscriptionSummary[];
  const described = async (group: string): Promise<SubscriptionDescription> =>
    JSON.parse(await console.cli(['subscriptions', 'describe', group, '-o', 'json'])) as SubscriptionDescription;
  const untilDelivered = (group = 'billing') => expect.poll(async () => (await described(group)).lag, soon).toBe(0);

  test('one is created: its command is shown, its secret once, and its records are delivered', async () => {
    const page = await console.open('/subscriptions');
    await page.getByText('npx rivulet subscriptions create billing --topic orders --webhook').waitFor();
    await page.getByRole('button', { name: 'Create a subscription' }).click();
    const dialog = page.getByRole('dialog');
    const act = dialog.getByRole('button', { name: 'Create', exact: true });
    expect(await act.isDisabled()).toBe(true);
    await dialog.getByLabel('Group').fill('billing');
    await dialog.getByLabel('Topic', { exact: false }).first().selectOption('orders');
    await dialog.getByLabel('URL').fill('http://192.168.0.1/orders');
    await dialog.getByLabel('Dead letters to').fill('orders-dead');
    await dialog.getByText('More settings').click();
    await dialog.getByText('Default: -1; 10 with a destination').waitFor();
    await dialog.getByLabel('Batch size').fill('7');
    await act.click();
    await dialog.getByRole('alert').filter({ hasText: 'INVALID_REQUEST' }).filter({ hasText: 'request' }).waitFor();
    await dialog.getByLabel('URL').fill(webhook.url);
    const line = `subscriptions create billing --topic orders --webhook ${webhook.url} --batch-size 7 --on-failure orders-dead`;
    await dialog.getByText(`RIVULET_URL=${console.service.url} npx rivulet ${line}`, { exact: true }).waitFor();
    await expectFine(page);
    await act.click();
    const secret = page.getByRole('dialog', { name: 'The secret of billing' });
    await secret.getByText(/^whsec_[\w-]{43}$/).waitFor();
    await secret.getByRole('button', { name: 'Copy' }).waitFor();
    await secret.getByRole('button', { name: 'I have kept it' }).click();
    await secret.waitFor({ state: 'detached' });
    await page.getByText(/whsec_/).waitFor({ state: 'detached' });
    await expect.poll(() => webhook.received.length, soon).toBe(2);
    // The command that the form has shown asks for the same: `create` refuses other settings of a group that has some.
    await console.cli(line.split(' '));
    const { settings } = await described('billing');
    expect(settings).toMatchObject({ target: { url: webhook.url }, batchSize: 7, maximumRetryAttempts: 10 });
  });

  test('the list and one subscription are those of list and describe, also while a partition fails', async () => {
    isFailing = true;
    await send('bad');
    await expect
      .poll(async () => (await described('billing')).partitions[0]!.failing?.attempts ?? 0)
      .toBeGreaterThan(0);
    const page = await console.open('/subscriptions?every=1');
    const [summary] = await listed();
    const { partitions, settings } = await described('billing');
    const error = partitions[0]!.failing!.error;
    await page.getByRole('cell', { name: error }).waitFor();
    const [row] = await rowsOf(page, 'Subscriptions');
    expect(row!.slice(0, 8)).toEqual([
      ...[summary!.groupId, summary!.topic, summary!.state, webhook.url, '1', '1', error],
      ...[(settings.onFailure as { topic: string }).topic],
    ]);
    await expectFine(page);
    await page.getByRole('link', { name: 'billing' }).click();
    await page.getByRole('region', { name: 'Partitions' }).waitFor();
    const rows = await rowsOf(page, 'Partitions');
    expect(rows.map((cells) => [...cells.slice(0, 4), cells[6]])).toEqual(
      partitions.map(({ partition, committedOffset, logEndOffset, lag, failing }) => [
        ...[String(partition), count(committedOffset), count(logEndOffset), count(lag), failing?.error ?? '-'],
      ]),
    );
    expect(Number(rows[0]![4])).toBeGreaterThan(0);
    expect(rows[0]![5]).toMatch(/\d{2}:\d{2}/);
    expect(rows[1]!.slice(4, 6)).toEqual(['-', '-']);
    await expectFine(page);
  });

  test('the group leads to its subscription, and says why it is behind', async () => {
    const page = await console.open('/groups/billing');
    await page.getByRole('list', { name: 'Why it is behind' }).getByText('orders, partition 0 has failed').waitFor();
    expect(await page.getByText('has no members, so nothing is read').count()).toBe(0);
    await page.getByRole('link', { name: 'subscription', exact: true }).click();
    await page.waitForURL(/\/subscriptions\/billing/);
    const overview = await console.open('/');
    await overview.locator('.figure', { hasText: 'Groups behind' }).getByText('1', { exact: true }).waitFor();
  });

  /** Opens the page of a subscription, and says how to act on it there. */
  const opened = async (group: string) => {
    const page = await console.open(`/subscriptions/${group}?every=1`);
    const dialog = page.getByRole('dialog');
    const act = async (name: string, command: string): Promise<void> => {
      await page.getByRole('button', { name, exact: true }).click();
      await dialog.getByText(`npx rivulet subscriptions ${command} ${group}`).waitFor();
      await dialog.getByRole('button', { name, exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
    };
    return { page, dialog, act, said: page.getByRole('status') };
  };

  test('its dead letters are retried, up to the first that fails again, and it is deleted', async () => {
    const settings = ['--maximum-retry-attempts', '0', '--on-failure', 'orders-dead'];
    await console.cli(['subscriptions', 'create', 'once', '--topic', 'returns', '--webhook', webhook.url, ...settings]);
    await client.producer().send({ topic: 'returns', messages: [{ value: 'bad' }] });
    await untilDelivered('once');
    const { page, act, said } = await opened('once');
    await act('Test-invoke', 'test-invoke');
    await said.getByText('The test event: failed').waitFor();
    await act('Retry dead letters', 'retry');
    await said.getByText('0 dead letters delivered; the one at partition 0, offset 0 failed again').waitFor();
    isFailing = false;
    await act('Retry dead letters', 'retry');
    await said.getByText('1 dead letter delivered').waitFor();
    await act('Delete', 'delete');
    await page.waitForURL(/\/console\/subscriptions$/);
    expect((await listed()).map(({ groupId }) => groupId)).toEqual(['billing']);
  });

  test('it is tried now, paused with a reason, and resumed', async () => {
    const { page, dialog, act, said } = await opened('billing');
    await act('Retry now', 'retry');
    await said.getByText('Failing batches are tried now').waitFor();
    await untilDelivered();
    await page.getByRole('button', { name: 'Pause' }).click();
    await dialog.getByLabel('Reason').fill('tea time');
    await dialog.getByText("npx rivulet subscriptions pause billing --reason 'tea time'").waitFor();
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.figure', { hasText: 'Paused' }).getByText('tea time').waitFor();
    expect((await listed())[0]).toMatchObject({ state: 'Paused', pausedReason: 'tea time' });
    await send('later');
    await act('Resume', 'resume');
    await said.getByText('It is resumed, with 1 record to deliver').waitFor();
    await untilDelivered();
  });

  test('its settings are changed, those alone that were touched, and its secret is rotated and shown once', async () => {
    const { page, dialog } = await opened('billing');
    const before = (await described('billing')).settings;
    await page.getByRole('button', { name: 'Change settings' }).click();
    const act = dialog.getByRole('button', { name: 'Change', exact: true });
    expect(await act.isDisabled()).toBe(true);
    await dialog.getByLabel('Batch size').fill('9');
    await dialog.getByLabel('Dead letters to').fill('');
    await dialog.getByLabel('Filters').fill('{"value":{"drink":["tea"]}}');
    await dialog.getByLabel('Try the halves of a batch').check();
    await dialog.getByText(/npx rivulet subscriptions update billing/).waitFor();
    const line = (await dialog.locator('pre').textContent())!;
    expect(line).toBe(
      `RIVULET_URL=${console.service.url} npx rivulet subscriptions update billing --batch-size 9 --bisect-batch-on-function-error --filter '{"value":{"drink":["tea"]}}' --no-on-failure`,
    );
    await expectFine(page);
    await act.click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Its settings are changed').waitFor();
    const { onFailure: _, ...others } = before;
    const filterCriteria = { filters: [{ pattern: '{"value":{"drink":["tea"]}}' }] };
    // Without a destination the records that are given up would be lost: they are tried without end again.
    const retries = { maximumRetryAttempts: -1 };
    const after = { ...others, ...retries, batchSize: 9, bisectBatchOnFunctionError: true, filterCriteria };
    expect((await described('billing')).settings).toEqual(after);
    await page.getByRole('button', { name: 'Change settings' }).click();
    await dialog.getByLabel('Filters').fill('');
    await dialog.getByText(/npx rivulet subscriptions update billing --no-filter$/).waitFor();
    await act.click();
    await dialog.waitFor({ state: 'detached' });
    expect((await described('billing')).settings).not.toHaveProperty('filterCriteria');
    await page.getByRole('button', { name: 'Rotate secret' }).click();
    await dialog.getByText('npx rivulet subscriptions rotate-secret billing').waitFor();
    await dialog.getByRole('button', { name: 'Rotate secret' }).click();
    const secret = page.getByRole('dialog', { name: 'The secret of billing' });
    await secret.getByText(/^whsec_[\w-]{43}$/).waitFor();
    await secret.getByRole('button', { name: 'I have kept it' }).click();
    await secret.waitFor({ state: 'detached' });
    await page.getByText(/whsec_/).waitFor({ state: 'detached' });
    const signatures = webhook.received.length;
    await client.producer().send({ topic: 'orders', messages: [{ value: 'signed twice', partition: 1 }] });
    await expect.poll(() => webhook.received.length, soon).toBe(signatures + 1);
    expect(String(webhook.received.at(-1)!.headers['rivulet-signature']).match(/v1=/g)).toHaveLength(2);
  });

  test('it is deleted from the list, which names what is lost', async () => {
    const page = await console.open('/subscriptions');
    await page.getByTitle('Actions for billing').click();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText("its webhook's secret and the tries of failing batches are lost").waitFor();
    await dialog.getByText('npx rivulet subscriptions delete billing').waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('There is no subscription yet').waitFor();
    expect(await listed()).toEqual([]);
    expect(await console.cli(['groups', 'list'])).toContain('billing');
    const gone = await console.open('/subscriptions/billing');
    await gone.getByText('The group billing has no subscription').waitFor();
  });
});
