// The other pages, each beside what the command line prints for the same data; and what holds for every page: axe-core finds
// nothing, in light and in dark, and on a phone nothing is wider than the window.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { parseScrape, seriesOf } from '../local/metrics/scrape.ts';
import { expectFine, reasonToSkip, rowsOf, startConsole, topic } from './browser.ts';

type Described = {
  readonly partitionDetails: readonly { partition: number; earliest: number; latest: number; bytes: number }[];
  readonly config: readonly { name: string; value: string; isDefault: boolean; note?: string }[];
};

const count = (value: number): string => value.toLocaleString('en-US');

describe.skipIf(reasonToSkip)('the pages', () => {
  const console = startConsole();
  const describeTopic = async (name: string): Promise<Described> =>
    JSON.parse(await console.cli(['topics', 'describe', name, '-o', 'json'])) as Described;
  const topicNames = async (): Promise<string[]> => (await console.cli(['topics', 'list'])).trim().split('\n');

  test('the overview has the sums of what describe prints', async () => {
    const page = await console.open('/');
    const { partitionDetails } = await describeTopic(topic);
    const records = partitionDetails.reduce((sum, one) => sum + one.latest - one.earliest, 0);
    const bytes = partitionDetails.reduce((sum, one) => sum + one.bytes, 0);
    const figure = (label: string) => page.locator('.figure', { hasText: label });
    await figure('Records').getByText(count(records), { exact: true }).waitFor();
    await figure('Storage')
      .getByText(`${count(bytes)} bytes`)
      .waitFor();
    await figure('Topics')
      .getByText(String((await topicNames()).length), { exact: true })
      .waitFor();
    await figure('Service').getByText('ok').waitFor();
    await expect.poll(() => figure('Cost').locator('.value').textContent()).toMatch(/^\$0\.0*[1-9]/);
    await figure('Bytes in').getByText('B/s').waitFor();
    await figure('Bytes out').getByText('B/s').waitFor();
    const since = page.getByText('Since the service started');
    await since.getByText(`${count(records)} records and`, { exact: false }).waitFor();
    const scraped = parseScrape(await (await fetch(`${console.service.url}/metrics`)).text());
    const [started] = Object.values(seriesOf(scraped, 'process_start_time_seconds'));
    expect(await since.locator('time').getAttribute('datetime')).toBe(new Date(started! * 1_000).toISOString());
  });

  test('a topic is created, altered and deleted, as list and describe then say', async () => {
    const page = await console.open('/topics');
    await page.getByRole('button', { name: 'Create a topic' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('bad name!');
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await dialog.getByRole('alert').filter({ hasText: 'request' }).waitFor();
    await dialog.getByLabel('Name').fill('orders');
    await dialog.getByLabel('Partitions').fill('2');
    await dialog.getByLabel('Configuration').fill('retention.ms=3600000');
    await dialog.getByText('npx rivulet topics create orders --partitions 2 --config retention.ms=3600000').waitFor();
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(await topicNames()).toEqual([topic, 'orders']);
    const row = page.getByRole('row', { name: /^orders/ });
    await row.getByText('1 h').waitFor();
    await row.getByRole('button').click();
    await page.getByRole('button', { name: 'Add partitions' }).click();
    await dialog.getByLabel('New number of partitions').fill('5');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await describeTopic('orders')).partitionDetails.length).toBe(5);
    await row.getByRole('button').click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByText('All records of its 5 partitions are lost').waitFor();
    const act = dialog.getByRole('button', { name: 'Delete', exact: true });
    expect(await act.isDisabled()).toBe(true);
    await dialog.getByLabel('Type the name').fill('orders');
    await act.click();
    await dialog.waitFor({ state: 'detached' });
    expect(await topicNames()).toEqual([topic]);
  });

  test('the partitions are those of describe', async () => {
    const page = await console.open(`/topics/${topic}/partitions`);
    await page.getByRole('region', { name: 'Partitions' }).waitFor();
    const { partitionDetails } = await describeTopic(topic);
    const rows = await rowsOf(page, 'Partitions');
    expect(rows.map((row) => row.slice(0, 4))).toEqual(
      partitionDetails.map(({ partition, earliest, latest }) =>
        [partition, earliest, latest, latest - earliest].map((value) => count(value)),
      ),
    );
    const most = partitionDetails.toSorted((a, b) => b.latest - a.latest)[0]!;
    await page.getByRole('img', { name: `partition ${most.partition} with ${count(most.latest)}` }).waitFor();
    await page.locator('.bars rect').nth(most.partition).click();
    await page.waitForURL(new RegExp(`/topics/${topic}\\?partitions=%22${most.partition}%22`));
  });

  test('the partition that is written to now shows its rate', async () => {
    await console.cli(['topics', 'create', 'busy', '--partitions', '2']);
    const page = await console.open('/topics/busy/partitions');
    await page.getByRole('region', { name: 'Partitions' }).waitFor();
    await console.cli(['produce', 'busy', '--format', 'ndjson'], '{"value":"a","partition":1}\n'.repeat(100));
    const rates = async () => (await rowsOf(page, 'Partitions')).map((row) => row[5]);
    await expect.poll(rates, { timeout: 20_000 }).toEqual(['0/s', expect.stringMatching(/^[1-9][\d.]*\/s$/)]);
    await console.cli(['topics', 'delete', 'busy']);
  });

  test('a thousand partitions are a bar each, and are looked through at once', async () => {
    await console.cli(['topics', 'create', 'wide', '--partitions', '1000']);
    await console.cli(['produce', 'wide', '--format', 'ndjson'], '{"value":"far","partition":777}\n');
    const page = await console.open('/topics/wide/partitions');
    await page.getByRole('img', { name: 'the greatest is partition 777 with 1' }).waitFor();
    expect(await page.locator('.bars rect').count()).toBe(1000);
    await page.getByRole('link', { name: 'Messages' }).click();
    await page.getByRole('button', { name: '0', exact: true }).waitFor();
    expect((await rowsOf(page, 'Records')).map((row) => row[1])).toEqual(['777']);
    await console.cli(['topics', 'delete', 'wide']);
  });

  test('the configuration is that of describe, and an alteration arrives', async () => {
    const page = await console.open(`/topics/${topic}/configuration`);
    await page.getByLabel('also those that change nothing here').check();
    const { config } = await describeTopic(topic);
    await expect.poll(async () => (await rowsOf(page, 'Configuration')).length).toBe(config.length);
    const rows = await rowsOf(page, 'Configuration');
    expect(rows.map(([name, value]) => [name, value!.replace(/ ?\(.*\)$/, '')])).toEqual(
      config.map(({ name, value }) => [name, value]),
    );
    expect(rows.filter(([, , , , meaning]) => meaning === '')).toEqual([]);
    await page.getByRole('button', { name: 'retention.ms', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Value').fill('never');
    await dialog.getByRole('button', { name: 'Alter' }).click();
    await dialog.getByText(/retention\.ms: expected a whole number/).waitFor();
    await dialog.getByLabel('Value').fill('7200000');
    await dialog.getByRole('button', { name: 'Alter' }).click();
    await dialog.waitFor({ state: 'detached' });
    const altered = (await describeTopic(topic)).config.find(({ name }) => name === 'retention.ms');
    expect(altered).toMatchObject({ value: '7200000', isDefault: false });
    await page
      .getByRole('row', { name: /^retention.ms 7200000/ })
      .getByText('topic')
      .waitFor();
  });

  test('a topic is created with the keyboard alone', async () => {
    const page = await console.open('/topics');
    const button = page.getByRole('button', { name: 'Create a topic' });
    await button.waitFor();
    const focused = () => page.evaluate('document.activeElement.innerText') as Promise<string>;
    for (let i = 0; i < 12 && (await focused()) !== 'Create a topic'; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.type('typed');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await topicNames()).toContain('typed');
    // The focus comes back to where it was, and Escape closes a dialog that does nothing.
    await expect.poll(focused).toBe('Create a topic');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await console.cli(['topics', 'delete', 'typed']);
  });

  const pages: readonly (readonly [name: string, path: string, ready: (page: Page) => Promise<unknown>])[] = [
    ['overview', '/', (page) => page.locator('.figure', { hasText: '20,000' }).waitFor()],
    ['topics', '/topics', (page) => page.getByRole('cell', { name: '20,000' }).waitFor()],
    ['messages', `/topics/${topic}`, openFirst],
    ['partitions', `/topics/${topic}/partitions`, (page) => page.getByRole('region').first().waitFor()],
    ['configuration', `/topics/${topic}/configuration`, (page) => page.getByRole('region').first().waitFor()],
    ['produce', `/topics/${topic}/produce`, (page) => page.getByLabel('Headers').waitFor()],
  ];

  test.each(pages)('%s: axe-core finds nothing, and a phone is wide enough', async (name, at, ready) => {
    const page = await console.open(at);
    await ready(page);
    await expectFine(page, (look) => pictured(page, `${name}${look}`));
  });
});

describe.skipIf(reasonToSkip)('rivulet console', () => {
  const own = { RIVULET_ACCESS_KEY_ID: 'me', RIVULET_SECRET_ACCESS_KEY: 'a secret of mine' };
  const console = startConsole(own);

  test('shows a service that takes only signatures, and writes to it', async () => {
    const page = await console.openThroughProxy(`/topics/${topic}?partitions=0`);
    await page.getByRole('region', { name: 'Records' }).waitFor();
    expect((await rowsOf(page, 'Records')).length).toBeGreaterThan(10);
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect.poll(() => page.locator('.figure', { hasText: 'Cost' }).textContent()).toMatch(/\$0\.0*[1-9]/);
    // A service elsewhere has its metrics elsewhere.
    expect(await page.getByText('Since the service started').count()).toBe(0);
    await page.goBack();
    await page.getByRole('link', { name: 'Produce' }).click();
    await page.getByLabel('Key', { exact: true }).fill('signed');
    await page.getByRole('button', { name: 'Produce', exact: true }).click();
    await page.getByText('1 record is written').waitFor();
    const found = await console.cli([
      'consume',
      topic,
      '--from-beginning',
      '--until',
      'latest',
      '--filter',
      'key=signed',
    ]);
    expect(found).toContain('{"hello": "world"}');
  });

  test('offers the line that a policy may lack only as its own server names it', async () => {
    const page = await console.openThroughProxy('/');
    let problem: object = {};
    const contentType = 'application/problem+json';
    await page.route('**/console/api/v1/groups**', (route) =>
      route.fulfill({ status: 403, contentType, body: JSON.stringify(problem) }),
    );
    const refused = { errorCode: 'FORBIDDEN', status: 403, retriable: false };
    const alert = page.getByRole('alert').first();
    const detail = 'not authorized to perform: * on resource: *';
    problem = { ...refused, detail };
    await page.getByRole('link', { name: 'Groups', exact: true }).click();
    await alert.getByText(detail).waitFor();
    expect(await alert.getByText('"Effect"').count()).toBe(0);
    problem = { ...refused, detail, action: 'execute-api:Invoke', resource: 'arn:aws-cn:r' };
    await page.reload();
    await alert.getByText('If the credentials are right, their policy lacks this line').waitFor();
    await alert.getByText('{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws-cn:r"}').waitFor();
  });

  test('says so when the service is gone', async () => {
    const page = await console.openThroughProxy('/topics');
    await page.getByRole('cell', { name: topic }).waitFor();
    await console.service.stop('SIGTERM');
    await page
      .getByRole('alert')
      .getByText(/NETWORK_EXCEPTION/)
      .waitFor({ timeout: 60_000 });
  });
});

async function openFirst(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^\d+$/ }).first().click();
  await page.getByRole('complementary').waitFor();
}

const pictures = ['messages', 'messages-phone', 'partitions-dark', 'topics'];

/** With SCREENSHOTS=1 the pictures of docs/images are made again. */
async function pictured(page: Page, name: string): Promise<void> {
  if (!process.env.SCREENSHOTS || !pictures.includes(name)) return;
  const folder = path.resolve(import.meta.dirname, '../../docs/images');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `console-${name}.png`) });
}
