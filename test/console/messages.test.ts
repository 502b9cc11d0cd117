// The page of messages, beside `rivulet consume` on the same records.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { reasonToSkip, rowsOf, startConsole, topic } from './browser.ts';

type Line = { readonly partition: number; readonly offset: number; readonly key: string };

describe.skipIf(reasonToSkip)('the messages of a topic', () => {
  const console = startConsole();
  const consume = async (...args: string[]): Promise<Line[]> => {
    const text = await console.cli(['consume', ...args, '--format', 'ndjson', '--until', 'latest']);
    return text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  };
  const place = ({ partition, offset }: Line): string => `${partition}:${offset}`;
  const shownPlaces = (rows: readonly string[][]): string[] =>
    rows.map(([offset, partition]) => `${partition}:${offset}`);

  test('newest first are the last ones of consume, in the other order', async () => {
    const page = await console.open(`/topics/${topic}?partitions=1`);
    await page.getByRole('region', { name: 'Records' }).waitFor();
    const last = await consume(topic, '--partition', '1', '--offset', '-20');
    const rows = await rowsOf(page, 'Records');
    expect(shownPlaces(rows).slice(0, 20)).toEqual(last.map(place).reverse());
    expect(rows.slice(0, 20).map(([, , , key]) => key)).toEqual(last.map(({ key }) => key).reverse());
  });

  test('oldest first begin at the offset that was chosen, and a scroll brings more', async () => {
    const page = await console.open(`/topics/${topic}`);
    await page.getByLabel('Order').selectOption('oldest');
    await page.getByLabel('Begin').selectOption('offset');
    await page.getByLabel('Offset', { exact: true }).fill('1000');
    await page.getByLabel('Partitions').fill('2');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('button', { name: '1000', exact: true }).waitFor();
    expect(page.url()).toContain('order=oldest');
    expect(shownPlaces(await rowsOf(page, 'Records')).slice(0, 3)).toEqual(['2:1000', '2:1001', '2:1002']);
    const region = page.getByRole('region', { name: 'Records' });
    for (let i = 0; i < 8; i++) {
      await region.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await page.waitForTimeout(150);
    }
    const offsets = (await rowsOf(page, 'Records')).map(([offset]) => Number(offset));
    expect(Math.max(...offsets)).toBeGreaterThan(1_500);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  });

  test('a record that is open names the object in which it lies, as topics segments does', async () => {
    const page = await console.open(`/topics/${topic}?partitions=1&order=oldest&offset=500`);
    await page.getByRole('button', { name: '500', exact: true }).click();
    const printed = await console.cli(['topics', 'segments', topic, '--partition', '1', '--from', '500', '-o', 'json']);
    const [segment] = (JSON.parse(printed) as { segments: { object: string; kind: string }[] }).segments;
    const link = page.getByRole('complementary', { name: 'Record' }).getByRole('link', { name: segment!.object });
    await link.click();
    await page.waitForURL(/\/storage\?partition=1&from=500/);
    const [row] = await rowsOf(page, 'Stored pieces');
    expect(row![9]).toContain(segment!.object);
  });

  test('a jump to a time shows no record after it', async () => {
    const all = (await consume(topic, '--from-beginning')) as (Line & { timestamp: number })[];
    const times = all.map(({ timestamp }) => timestamp).sort((a, b) => a - b);
    const time = times[Math.floor(times.length / 2)]!;
    const page = await console.open(`/topics/${topic}?time=${time}&partitions=0`);
    await page.getByRole('region', { name: 'Records' }).waitFor();
    const expected = all.filter((one) => one.partition === 0 && one.timestamp <= time).map(({ offset }) => offset);
    const [first] = await rowsOf(page, 'Records');
    expect(Number(first![0])).toBe(Math.max(...expected));
  });

  test('filters find what consume --filter finds: text, a condition, and a predicate in JavaScript', async () => {
    const page = await console.open(`/topics/${topic}`);
    await page.getByLabel('Contains').fill('"ANC"');
    await page.getByText('More filters').click();
    await page.getByLabel('Conditions, one a line').fill('$.delay>=60\nkey!=SEA');
    await page.getByLabel('JavaScript predicate').fill('m.json.distance < 3000');
    await page.getByRole('button', { name: 'Search' }).click();
    const wanted = await consume(
      ...[topic, '--from-beginning', '--filter', 'value~"ANC"', '--filter', '$.delay>=60', '--filter', 'key!=SEA'],
      ...['--filter', '$.distance<3000'],
    );
    expect(wanted.length).toBeGreaterThan(3);
    await page.getByText(`Scanned 20,000 of 20,000, ${wanted.length} found`).waitFor();
    expect(shownPlaces(await rowsOf(page, 'Records')).sort()).toEqual(wanted.map(place).sort());
    // The view can be shared. But the code in the URL is not run before the person has agreed.
    const shared = await console.open(page.url().replace(/^.*\/console/, ''));
    await shared.getByText('This address has a JavaScript predicate').waitFor();
    await shared.getByRole('button', { name: 'Search' }).click();
    await shared.getByText(`Scanned 20,000 of 20,000, ${wanted.length} found`).waitFor();
  });

  test('a wrong filter is one sentence, and the filters stay open', async () => {
    const page = await console.open(`/topics/${topic}?partitions=0`);
    await page.getByText('More filters').click();
    const conditions = page.getByLabel('Conditions, one a line');
    await conditions.fill('nowhere = 1');
    await page.getByRole('button', { name: 'Search' }).click();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toBe(
      'The field must be key, value, headers.NAME or a path in a JSON value like $.user.tags[0].',
    );
    expect(await page.getByText('Looking').count()).toBe(0);
    await conditions.fill('');
    await page.getByLabel('Contains').fill('"nowhere"');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('capitals differ from small letters').waitFor();
    expect(await conditions.isVisible()).toBe(true);
  });

  test('a click on a row opens its record, and one that selects text does not', async () => {
    const page = await console.open(`/topics/${topic}?partitions=0`);
    const cell = page.getByRole('region', { name: 'Records' }).getByRole('cell').nth(4);
    const record = page.getByRole('complementary', { name: 'Record' });
    const { x, y, height } = (await cell.boundingBox())!;
    await page.mouse.move(x + 10, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + 90, y + height / 2);
    await page.mouse.up();
    expect(await page.evaluate('String(getSelection())')).not.toBe('');
    expect(await record.count()).toBe(0);
    await cell.click();
    await record.waitFor();
  });

  test('a predicate that never ends is ended, and one that throws is shown', async () => {
    const page = await console.open(`/topics/${topic}`);
    await page.getByText('More filters').click();
    for (const [code, problem] of [
      ['while (true) {} return 1', 'expected an answer within 1000 ms'],
      ['m.json.nowhere.at.all', 'TypeError'],
      ['syntax error', 'SyntaxError'],
    ] as const) {
      await page.getByLabel('JavaScript predicate').fill(code);
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('alert').filter({ hasText: problem }).waitFor();
    }
  });

  test('a predicate reaches no host: neither its own service nor another', async () => {
    const asked: string[] = [];
    const other = createServer((request, response) => {
      asked.push(request.url!);
      response.setHeader('access-control-allow-origin', '*').setHeader('content-type', 'text/javascript').end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const page = await console.open(
      `/topics/${topic}?partitions=0`,
      {},
      /Content Security Policy|Failed to fetch|^asks /,
    );
    await page.getByText('More filters').click();
    for (const code of [
      `fetch('${url}/fetch'); return false`,
      `import('${url}/import'); return false`,
      `new WebSocket('${url.replace('http', 'ws')}/socket'); return false`,
      `new EventSource('${url}/events'); return false`,
      `const it = new XMLHttpRequest(); it.open('GET', '${url}/xhr'); it.send(); return false`,
    ]) {
      await page.getByLabel('JavaScript predicate').fill(`if (m.offset > 0) return false; ${code}`);
      await page.getByRole('button', { name: 'Search' }).click();
      await page
        .getByText(/0 found|predicate: /)
        .first()
        .waitFor();
      await page.waitForTimeout(200);
    }
    other.close();
    expect(asked).toEqual([]);
  });

  test('the live tail shows what is written, and holds still while it is paused', async () => {
    await console.cli(['topics', 'create', 'live']);
    const page = await console.open('/topics/live');
    await page.getByLabel('Order').selectOption('tail');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.getByText('Live: 0 records').waitFor();
    await page.waitForTimeout(500);
    await console.cli(['produce', 'live'], 'one\ntwo\n');
    await page.getByText('Live: 2 records').waitFor();
    expect((await rowsOf(page, 'Records')).map((row) => row[4])).toEqual(['two', 'one']);
    await page.getByRole('button', { name: 'Pause' }).click();
    await console.cli(['produce', 'live'], 'three\n');
    await page.waitForTimeout(300);
    expect((await rowsOf(page, 'Records')).length).toBe(2);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('Live: 3 records').waitFor();
  });

  test('a download has the lines that consume prints', async () => {
    const page = await console.open(`/topics/${topic}?partitions=0&order=oldest&text=SFO`);
    await page.getByText(/found/).waitFor();
    await page.getByRole('button', { name: /^Download/ }).click();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'as NDJSON' }).click();
    const lines = readFileSync(await (await saved).path(), 'utf8')
      .trimEnd()
      .split('\n');
    const text = await console.cli([
      ...['consume', topic, '--partition', '0', '--offset', 'earliest', '--filter', 'value~SFO', '--format', 'ndjson'],
      ...['--max-messages', String(lines.length)],
    ]);
    expect(lines).toEqual(
      text
        .trimEnd()
        .split('\n')
        .filter((line) => line.startsWith('{')),
    );
    expect(lines.length).toBeGreaterThan(100);
  });
});

describe.skipIf(reasonToSkip)('a record', () => {
  const console = startConsole();
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
  const records = [
    { key: '<img src=x onerror=alert(1)>', value: '<script>window.pwned = true</script>' },
    { key: 'rtl', value: 'safe\u202eexe.txt' },
    { key: 'deep', value: deep },
    { key: 'long', value: '{"id":9223372036854775807,"price":1.50}' },
    { key: 'bytes', value: { type: 'binary', data: 'AP+A' } },
    { key: 'dead', value: null },
    { key: 'large', value: `{"text":"${'x'.repeat(900_000)}"}` },
  ].map(({ key, value }) => ({
    key: { type: 'string', data: key },
    value: typeof value === 'string' ? { type: 'string', data: value } : value,
  }));

  test('with hostile contents is shown as text, exactly, and a large one only in part', async () => {
    await console.cli(['topics', 'create', 'hostile']);
    await console.cli(
      ['produce', 'hostile', '--format', 'ndjson'],
      records.map((one) => `${JSON.stringify(one)}\n`).join(''),
    );
    const page = await console.open('/topics/hostile?order=oldest');
    const openRecord = async (offset: number) => {
      await page.getByRole('button', { name: String(offset), exact: true }).click();
      return page.getByRole('complementary', { name: 'Record' });
    };
    const view = await openRecord(0);
    expect(await view.locator('pre').allInnerTexts()).toEqual([
      '<img src=x onerror=alert(1)>',
      '<script>window.pwned = true</script>',
    ]);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    await openRecord(1);
    expect(await view.locator('pre').last().textContent()).toBe('safe\\u202eexe.txt');
    await openRecord(2);
    expect((await view.locator('pre').last().textContent())?.replaceAll(/\s/g, '')).toBe(deep);
    await openRecord(3);
    expect(await view.locator('pre').last().textContent()).toBe('{\n  "id": 9223372036854775807,\n  "price": 1.50\n}');
    await openRecord(4);
    expect(await view.locator('pre').last().textContent()).toMatch(/^00000000 {2}00 ff 80 .*\.\.\.$/);
    await openRecord(5);
    expect(await view.getByText('Value null').count()).toBe(1);
    await openRecord(6);
    expect((await view.locator('pre').last().textContent())?.length).toBe(64 * 1024);
    await view.getByRole('button', { name: 'Show all' }).click();
    expect((await view.locator('pre').last().textContent())?.length).toBeGreaterThan(900_000);
  });

  test('is produced, produced again, ended by a tombstone, and deleted, as the command line sees it', async () => {
    await console.cli(['topics', 'create', 'made']);
    const values = async () => {
      const text = await console.cli([
        'consume',
        'made',
        '--from-beginning',
        '--until',
        'latest',
        '--format',
        'ndjson',
      ]);
      return text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { offset: number; key: string; value: unknown; headers?: unknown });
    };
    const page = await console.open('/topics/made/produce');
    await page.getByLabel('Key', { exact: true }).fill('k{{i}}');
    await page.getByLabel('Value', { exact: true }).fill('{"n": {{i}}}');
    await page.getByLabel('Headers').fill('source=console');
    await page.getByLabel('Times', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Produce', exact: true }).click();
    await page.getByText('3 records are written').waitFor();
    expect((await values()).map(({ key, value, headers }) => [key, value, headers])).toEqual(
      [0, 1, 2].map((n) => [`k${n}`, `{"n": ${n}}`, [{ name: 'source', value: 'console' }]]),
    );
    await page.getByRole('link', { name: 'Messages' }).click();
    await page.getByRole('button', { name: '1', exact: true }).click();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('button', { name: 'Produce again ...' }).click();
    await page.getByRole('button', { name: 'Produce', exact: true }).click();
    await page.getByText('1 record is written at offset 3 of partition 0.').waitFor();
    await page.getByRole('link', { name: 'Messages' }).click();
    await page.getByRole('button', { name: '3', exact: true }).click();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('button', { name: 'Write a tombstone ...' }).click();
    await page.getByRole('dialog').getByText('npx rivulet produce made --format ndjson').waitFor();
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await values()).slice(3).map(({ key, value }) => [key, value])).toEqual([
      ['k1', '{"n": 1}'],
      ['k1', null],
    ]);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('button', { name: 'Delete records up to here ...' }).click();
    await page.getByRole('dialog').getByText('npx rivulet topics delete-records made --offsets 0:4').waitFor();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await values()).map(({ offset }) => offset)).toEqual([4]);
  });
});
