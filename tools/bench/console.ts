// The web console in a real browser: how quickly its filters walk through uncompressed records of 200 B, from the embedded
// service on the same machine. Fetching, unpacking and judging are included. No filter finds anything, so each reads everything.
import { resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { Rivulet } from '../../client/rivulet.ts';
import { launch, stop, until } from '../emulator/child.ts';
import { chromiumPath } from './chromium.ts';
import { decimal, printTable, whole } from './table.ts';

const topic = 'users';
const partitions = 4;

/** The label of a field, and what is written into it. */
const filters = [
  ['Contains', 'nobody'],
  ['Conditions, one a line', 'key=key-none'],
  ['Conditions, one a line', '$.user=nobody'],
  ['JavaScript predicate', "m.json?.user === 'nobody'"],
] as const;

export async function benchConsole(directory: string, records: number): Promise<void> {
  if (!chromiumPath) return console.log('console: left out, there is no Chromium on this machine');
  const main = resolve(import.meta.dirname, '../../cli/main.ts');
  const service = launch(
    process.execPath,
    [main, 'serve', '--port', '0', '--no-kafka', '--data', directory],
    process.env,
  );
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--headless=new', '--no-sandbox'] });
  try {
    const address = await until(service, async () => /http:\S+token=\S+/.exec(service.output)?.[0]);
    await fill(new URL(address).origin, records);
    const page = await opened(browser, address);
    const rows: (readonly [string, string, string])[] = [];
    for (const [label, text] of filters) {
      const { walkMs, mainThreadMs } = await walked(page, { label, text, records });
      rows.push([`${label}: ${text}`, whole((records / walkMs) * 1000), decimal(mainThreadMs / 1000, 1)]);
    }
    printTable(
      `Filters of the console: ${whole(records)} uncompressed records of 200 B in ${partitions} partitions`,
      ['filter', 'records/s', 'main thread, s'],
      rows,
    );
  } finally {
    await browser.close();
    await stop(service);
  }
}

async function fill(url: string, records: number): Promise<void> {
  const client = new Rivulet({ url });
  await client.admin().createTopics({ topics: [{ topic, partitions }] });
  const producer = client.producer({ lingerMs: 20 });
  const value = (id: number): string => JSON.stringify({ user: `user-${id % 1000}`, id, note: 'x'.repeat(140) });
  for (let at = 0; at < records; at += 10_000) {
    const messages = Array.from({ length: Math.min(10_000, records - at) }, (_, i) => ({
      key: `key-${(at + i) % 5000}`,
      value: value(at + i),
      partition: (at + i) % partitions,
    }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}

async function opened(browser: Browser, address: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  const begun = performance.now();
  await page.goto(address);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  console.log(`\nFirst load of the overview: ${whole(performance.now() - begun)} ms`);
  return page;
}

async function walked(page: Page, { label, text, records }: { label: string; text: string; records: number }) {
  await page.goto(new URL(`/console/topics/${topic}`, page.url()).href);
  await page.getByRole('region', { name: 'Records' }).waitFor();
  await page.getByText('More filters').click();
  await page.getByLabel(label).fill(text);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const taskMs = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1000;
  };
  const before = await taskMs();
  const begun = performance.now();
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText(`Scanned ${whole(records)} of ${whole(records)}, 0 found`).waitFor({ timeout: 120_000 });
  const walkMs = performance.now() - begun;
  return { walkMs, mainThreadMs: (await taskMs()) - before };
}
