// The pages of groups, transactions, storage and settings, each beside what the command line prints for the same data.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Consumer } from '../../client/consumer/consumer.ts';
import { Rivulet } from '../../client/rivulet.ts';
import type { GroupDescription } from '../../lib/api/groups.ts';
import { newDirectory } from '../cli/processes.ts';
import { expectFine, reasonToSkip, rowsOf, startConsole, topic } from './browser.ts';

const count = (value: number): string => value.toLocaleString('en-US');

describe.skipIf(reasonToSkip)('the pages of operations', () => {
  const console = startConsole();
  let client: Rivulet;
  let live: Consumer;
  beforeAll(async () => {
    client = new Rivulet({ url: console.service.url });
    const admin = client.admin();
    const committed = [100, 2_000, 5_000].map((offset, partition) => ({ partition, offset }));
    await admin.setOffsets({ groupId: 'billing', topic, partitions: committed });
    live = client.consumer({ groupId: 'live' });
    live.subscribe({ topics: [topic] });
    void live.run({ eachBatch: async () => undefined });
    return () => live.disconnect();
  });
  const described = async (group: string): Promise<GroupDescription> =>
    JSON.parse(await console.cli(['groups', 'describe', group, '-o', 'json'])) as GroupDescription;
  const groupNames = async (): Promise<string[]> => (await console.cli(['groups', 'list'])).trim().split('\n');
  const lag = ({ partitionDetails }: GroupDescription): number =>
    partitionDetails.reduce((sum, of) => sum + Math.max(0, of.lag), 0);

  test('the groups are those of list, and the one that is furthest behind comes first', async () => {
    const page = await console.open('/groups');
    const billing = await described('billing');
    await page.getByRole('cell', { name: count(lag(billing)), exact: true }).waitFor();
    const rows = await rowsOf(page, 'Groups');
    expect(rows.map(([group]) => group)).toEqual(['billing', 'live']);
    expect(rows[0]!.slice(1, 5)).toEqual([billing.state, '-', '0', count(lag(billing))]);
    await page.getByLabel('Name contains').fill('liv');
    await expect.poll(async () => (await rowsOf(page, 'Groups')).map(([group]) => group)).toEqual(['live']);
    await expect.poll(() => page.url()).toContain('text=liv');
  });

  test('the lag of a group moves without reloading', async () => {
    const page = await console.open('/groups/billing?every=1');
    const before = lag(await described('billing'));
    await page.locator('.figure', { hasText: 'records' }).getByText(count(before), { exact: true }).waitFor();
    await client.producer().send({ topic, messages: [{ value: 'one more', partition: 0 }] });
    await page
      .locator('.figure', { hasText: 'records' })
      .getByText(count(before + 1), { exact: true })
      .waitFor();
    await page.getByRole('img', { name: 'Lag in records' }).waitFor();
    await page.getByRole('list', { name: 'Why it is behind' }).getByText('has no members').waitFor();
  });

  test('a member that stands still is named, and the oldest unread record is a click away', async () => {
    const stand = Promise.withResolvers<void>();
    const members = ['steady', 'stuck'].map((clientId) => {
      const consumer = new Rivulet({ url: console.service.url, clientId }).consumer({
        ...{ groupId: 'halves', autoOffsetReset: 'earliest', autoCommitIntervalMs: 200 },
      });
      consumer.subscribe({ topics: [topic] });
      void consumer.run({ eachBatch: () => (clientId === 'stuck' ? stand.promise : undefined) });
      return consumer;
    });
    const page = await console.open('/groups/halves?every=1');
    const reasons = page.getByRole('list', { name: 'Why it is behind' });
    await reasons.getByText(/^The member stuck on .* has \d+ % of the lag, in flights: /).waitFor({ timeout: 60_000 });
    const { partitionDetails } = await described('halves');
    const oldest = partitionDetails.filter((of) => of.lag > 0).toSorted((a, b) => b.timeLagMs - a.timeLagMs)[0]!;
    await page.getByRole('link', { name: 'the age of the oldest unread record' }).click();
    await page.waitForURL(new RegExp(`order=oldest&partitions=.*${oldest.partition}`));
    await page.getByRole('region', { name: 'Records' }).waitFor();
    const [first] = await rowsOf(page, 'Records');
    const offset = Math.max(0, oldest.currentOffset, oldest.logStartOffset);
    expect(first!.slice(0, 2)).toEqual([String(offset), String(oldest.partition)]);
    stand.resolve();
    await Promise.all(members.map((member) => member.stop()));
    await console.cli(['groups', 'delete', 'halves']);
  });

  test('partitions and members are those of describe', async () => {
    await expect
      .poll(async () => (await described('live')).partitionDetails.filter(({ memberId }) => memberId).length, {
        timeout: 30_000,
      })
      .toBe(3);
    const { partitionDetails, memberDetails } = await described('live');
    const page = await console.open('/groups/live');
    await page.getByRole('region', { name: 'Members' }).waitFor();
    const rows = (await rowsOf(page, 'Partitions')).toSorted((a, b) => Number(a[1]) - Number(b[1]));
    const [member] = memberDetails;
    expect(rows.map(([name, partition, , end, , , , , owner]) => [name, partition, end, owner])).toEqual(
      partitionDetails.map((of) => [of.topic, String(of.partition), count(of.logEndOffset), member!.clientId]),
    );
    const [row] = await rowsOf(page, 'Members');
    expect(row!.slice(0, 8)).toEqual([
      ...[member!.clientId, member!.memberId, '-', member!.host, '3'],
      ...[`${topic}: 0-2`, '-', topic],
    ]);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('alert').filter({ hasText: 'NON_EMPTY_GROUP' }).filter({ hasText: 'request' }).waitFor();
  });

  test('a reset shows what it would set, sets nothing before it is confirmed, and then exactly that', async () => {
    const page = await console.open('/groups/billing');
    await page.getByRole('button', { name: 'Reset offsets' }).click();
    const dialog = page.getByRole('dialog');
    const act = dialog.getByRole('button', { name: 'Reset', exact: true });
    expect(await act.isDisabled()).toBe(true);
    await dialog.getByLabel('Topic').selectOption(topic);
    await dialog.getByLabel('Partitions').fill('0-1');
    await dialog.getByLabel('Target').selectOption('offset');
    await dialog.getByLabel('Value').fill('soon');
    await dialog.getByRole('button', { name: 'Preview' }).click();
    await dialog.getByText('offset: expected a whole number from 0, got soon').waitFor();
    await dialog.getByLabel('Value').fill('1000');
    await dialog.getByRole('button', { name: 'Preview' }).click();
    await dialog.getByRole('region', { name: 'Preview' }).waitFor();
    const line = `groups reset-offsets billing --topic ${topic}:0-1 --to-offset 1000`;
    await dialog.getByText(`npx rivulet ${line} --execute`).waitFor();
    const printed = await console.cli([...line.split(' '), '-o', 'json']);
    const planned = JSON.parse(printed) as {
      topic: string;
      partition: number;
      previousOffset: number;
      offset: number;
    }[];
    expect((await rowsOf(page, 'Preview')).map((row) => row.slice(0, 4))).toEqual(
      planned.map((of) => [of.topic, String(of.partition), count(of.previousOffset), count(of.offset)]),
    );
    await dialog.getByText('The group skips 900 records that it has not read, and reads 1,000 again.').waitFor();
    const offsets = async () => (await described('billing')).partitionDetails.map(({ currentOffset }) => currentOffset);
    expect(await offsets()).toEqual([100, 2_000, 5_000]);
    // Another value makes the preview void.
    await dialog.getByLabel('Value').fill('1001');
    expect(await act.isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Preview' }).click();
    await act.click();
    await dialog.waitFor({ state: 'detached' });
    expect(await offsets()).toEqual([1_001, 1_001, 5_000]);
  });

  test('offsets and a group are deleted, as describe and list then say', async () => {
    const admin = client.admin();
    const partitions = [{ partition: 1, offset: 7 }];
    await admin.createTopics({ topics: [{ topic: 'returns', partitions: 2 }] });
    for (const name of [topic, 'returns']) await admin.setOffsets({ groupId: 'leaving', topic: name, partitions });
    const page = await console.open('/groups/leaving');
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Delete offsets' }).click();
    await dialog.getByLabel('Topic').selectOption('returns');
    await dialog.getByText('forgets where it was in 1 partition of returns').waitFor();
    await dialog.getByText('npx rivulet groups delete-offsets leaving --topic returns').waitFor();
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await described('leaving')).partitionDetails.map((of) => of.topic)).toEqual([topic]);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.waitForURL(/\/console\/groups$/);
    expect(await groupNames()).toEqual(['billing', 'live']);
  });

  test('transactions are those of list, and one that is aborted is gone', async () => {
    const producer = client.producer({ transactionalId: 'payments-1', transactionTimeoutMs: 900_000 });
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: 'staged' }] });
    await transaction.sendOffsets({
      groupId: 'billing',
      topics: [{ topic, partitions: [{ partition: 2, offset: 5_000 }] }],
    });
    const list = async () =>
      JSON.parse(await console.cli(['transactions', 'list', '-o', 'json'])) as {
        transactionalId: string;
        producerId: number;
        producerEpoch: number;
      }[];
    const [printed] = await list();
    const page = await console.open('/transactions');
    await page.getByRole('region', { name: 'Transactions' }).waitFor();
    const [row] = await rowsOf(page, 'Transactions');
    expect([row![0], row![1], row![3], row![6], row![7], row![8]]).toEqual([
      ...[printed!.transactionalId, 'open', '15 min', '1', 'billing'],
      `${printed!.producerId}, epoch ${printed!.producerEpoch}`,
    ]);
    await expectFine(page);
    const [described] = JSON.parse(await console.cli(['transactions', 'describe', 'payments-1', '-o', 'json'])) as {
      partitions: { topic: string; partition: number; batches: number; records: number }[];
    }[];
    await page.getByRole('button', { name: 'Partitions' }).click();
    await page.getByRole('region', { name: 'Partitions' }).waitFor();
    expect(await rowsOf(page, 'Partitions')).toEqual(
      described!.partitions.map((of) => [of.topic, String(of.partition), count(of.batches), count(of.records)]),
    );
    expect(described!.partitions).toHaveLength(1);
    await expectFine(page);
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Abort' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('npx rivulet transactions abort payments-1').waitFor();
    await dialog.getByRole('button', { name: 'Abort' }).click();
    await page.getByText('npx rivulet transactions list --all').waitFor();
    expect(await list()).toEqual([]);
    await page.getByLabel('also ids with nothing staged').check();
    await page.getByRole('cell', { name: /aborted$/ }).waitFor();
  });

  test('the stored pieces are those of topics segments, and a download has the same bytes', async () => {
    const page = await console.open(`/topics/${topic}/storage?partition=1`);
    await page.getByRole('region', { name: 'Stored pieces' }).waitFor();
    const where = ['topics', 'segments', topic, '--partition', '1'];
    const { segments } = JSON.parse(await console.cli([...where, '-o', 'json'])) as {
      segments: { baseOffset: number; endOffset: number; records: number; kind: string; object: string }[];
    };
    const rows = await rowsOf(page, 'Stored pieces');
    expect(rows.map(([base, end, records, , kind]) => [base, end, records, kind])).toEqual(
      segments.map((of) => [count(of.baseOffset), count(of.endOffset), count(of.records), of.kind]),
    );
    expect(rows.map((row, at) => row[9]!.startsWith(segments[at]!.object))).toEqual(rows.map(() => true));
    await page.getByRole('button', { name: 'Download' }).first().click();
    const dialog = page.getByRole('dialog');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'Download' }).click(),
    ]);
    const file = join(newDirectory(), 'segment.bin');
    await console.cli([...where, '--download', String(segments[0]!.baseOffset), '--file', file]);
    expect(download.suggestedFilename()).toBe(`${topic}-1-${segments[0]!.baseOffset}.bin`);
    expect(readFileSync(await download.path()).equals(readFileSync(file))).toBe(true);
  });

  test('the settings name the service and its version', async () => {
    const page = await console.open('/settings');
    await page.getByText(console.service.url, { exact: true }).waitFor();
    const version = (await console.cli(['--version'])).trim();
    await page.locator('.figure', { hasText: 'Version' }).getByText(version).waitFor();
    await page.locator('.figure', { hasText: 'Identity' }).getByText('local/local').waitFor();
    await page.getByRole('row', { name: 'partitions 10,000', exact: false }).waitFor();
  });

  const pages: readonly (readonly [path: string, ready: (page: Page) => Promise<unknown>])[] = [
    ['/groups', (page) => page.getByRole('cell', { name: 'billing' }).waitFor()],
    ['/groups/live', (page) => page.getByRole('region', { name: 'Members' }).waitFor()],
    [`/topics/${topic}/storage`, (page) => page.getByRole('region', { name: 'Stored pieces' }).waitFor()],
    ['/settings', (page) => page.getByRole('cell', { name: 'groupMembers' }).waitFor()],
  ];

  test.each(pages)('%s: axe-core finds nothing, and a phone is wide enough', async (at, ready) => {
    const page = await console.open(at);
    await ready(page);
    await expectFine(page);
  });
});
