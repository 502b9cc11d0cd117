// A real browser on a real service: Debian's Chromium, driven by playwright-core, on `rivulet serve` with the flights of
// examples/. Where there is no browser, the tests are skipped and say so.
//
// Invariant: a page that logs an error, breaks the content policy or asks another host fails its test.
import AxeBuilder from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { readFlights } from '../../examples/flights.ts';
import { chromiumPath } from '../../tools/bench/chromium.ts';
import { newDirectory, type Running, run, type Service, start, startService } from '../cli/processes.ts';

/** Why the tests of this folder are skipped, or undefined. */
export const reasonToSkip = chromiumPath ? undefined : 'there is no Chromium on this machine: apt-get install chromium';
if (reasonToSkip) console.warn(`the tests of the console in a browser are skipped: ${reasonToSkip}`);

export const topic = 'flights';

export type Console = {
  readonly service: Service;
  /** Runs a command for this service, and returns what it prints. */
  cli(args: readonly string[], input?: string): Promise<string>;
  /** Opens a page of the console in a browser of its own, by the address with the token first. `expected` may be logged. */
  open(path: string, options?: BrowserContextOptions, expected?: RegExp): Promise<Page>;
  /** Serves the console by `rivulet console` for this service, and opens the page there. */
  openThroughProxy(path: string): Promise<Page>;
};

type OpenAt = (address: string, path: string, options?: BrowserContextOptions, expected?: RegExp) => Promise<Page>;

/** The tests of one file share a browser. Returns what opens a page in it, by the address with the token first. */
export function startBrowser(): OpenAt {
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  const problems: string[] = [];
  beforeAll(async () => {
    if (reasonToSkip) return;
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--headless=new', '--no-sandbox'] });
  });
  afterAll(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    await browser?.close();
    expect(problems).toEqual([]);
  });
  return async (address, path, options = {}, expected) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    contexts.push(context);
    const page = await context.newPage();
    watch(page, new URL(address).origin, (text) => !expected?.test(text) && problems.push(`${page.url()}: ${text}`));
    await page.goto(address);
    await page.waitForURL(/\/console\/$/);
    await page.goto(new URL(`/console${path}`, address).href);
    return page;
  };
}

/** The tests of one file share a service and a browser. */
export function startConsole(environment: Record<string, string> = {}): Console {
  let service: Service;
  let address: string | undefined;
  const cli: Console['cli'] = async (args, input = '') => {
    const { code, stdout, stderr } = await run([...args, '--url', service.url], { input, environment });
    if (code !== 0) throw new Error(`rivulet ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  };
  const openAt = startBrowser();
  beforeAll(async () => {
    if (reasonToSkip) return;
    service = await startService(newDirectory(), { environment });
    await cli(['topics', 'create', topic, '--partitions', '3']);
    const lines = readFlights().map(({ origin, text }) => `${origin}\t${text}\n`);
    await cli(['produce', topic, '--property', 'parse.key=true'], lines.join(''));
  });
  const addressOnce = async (): Promise<string> => {
    address ??= await addressOf(service);
    return address;
  };
  return {
    cli,
    get service() {
      return service;
    },
    open: async (path, options, expected) => openAt(await addressOnce(), path, options, expected),
    openThroughProxy: async (path) => openAt(await startProxy(service.url, environment), path),
  };
}

/** Serves the console for another service by `rivulet console`. Resolves with its address. */
export const startProxy = (url: string, environment: Record<string, string>): Promise<string> =>
  addressOf(start('cli/main.ts', ['console', '--url', url, '--port', '0'], environment));

const addressOf = async (process: Running): Promise<string> => (await process.until(/(http:\S+token=\S+)/))[1]!;

function watch(page: Page, origin: string, add: (text: string) => void): void {
  page.on('console', (message) => {
    // A refusal that a test provokes is logged by the browser itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) add(message.text());
  });
  page.on('pageerror', (error) => add(error.message));
  page.on('dialog', (dialog) => {
    add(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) add(`asks ${request.url()}`);
  });
}

/** The parts of the DOM's types that are needed here, because the types of the tests are those of Node. */
type Cells = { readonly children: Iterable<{ readonly textContent: string }> };

/** The texts of a table, row by row, in which each cell is what a person reads. Waits for the first row: a page opens before its answer. */
export async function rowsOf(page: Page, label: string): Promise<string[][]> {
  const rows = page.getByRole('region', { name: label, exact: true }).locator('tbody tr:not([aria-hidden])');
  await rows.first().waitFor();
  return rows.evaluateAll((elements) =>
    (elements as unknown as readonly Cells[]).map((row) => [...row.children].map((cell) => cell.textContent.trim())),
  );
}

type Audit = { readonly violations: readonly { readonly id: string; readonly nodes: readonly { html: string }[] }[] };

/** axe-core finds nothing: no missing label, no contrast that is too low, no wrong role. */
async function expectAccessible(page: Page): Promise<void> {
  // The policy of the page allows no inline script, so axe is evaluated by the debugger.
  await page.evaluate(AxeBuilder.source);
  const { violations } = (await page.evaluate('axe.run()')) as Audit;
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
}

/** Nothing is wider than the window: a table scrolls inside itself. */
async function expectFits(page: Page): Promise<void> {
  const [content, window] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as number[];
  expect(content).toBeLessThanOrEqual(window!);
}

/** Holds for every page. `pictured` is called for each look: '', '-dark' and '-phone'. */
export async function expectFine(
  page: Page,
  pictured: (look: string) => Promise<void> = async () => {},
): Promise<void> {
  await expectAccessible(page);
  await pictured('');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectAccessible(page);
  await pictured('-dark');
  await page.setViewportSize({ width: 390, height: 844 });
  await expectFits(page);
  await expectAccessible(page);
  await pictured('-phone');
}
