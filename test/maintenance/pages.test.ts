import { beforeEach, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { cleanPages } from '../../lib/maintenance/pages.ts';
import { encodeEntry } from '../../lib/partition/entry.ts';
import { pageItem } from '../../lib/partition/page.ts';
import { appendOne, batchOf, readAll, valuesOf } from '../log/world.ts';
import { through } from '../sim/core/through.ts';
import { startProducer } from '../transaction/world.ts';
import { fullPassOver, hourMs } from './pass.ts';
import { createPartition, expectSound, fill, type Partition, storedOf } from './world.ts';

let partition: Partition;
let values: string[];
beforeEach(async () => {
  partition = await createPartition();
  values = await fill(partition.engine, 130);
});

const stored = () => storedOf(partition, partition.address);
const clean = (options = {}) => cleanPages(fullPassOver(partition, options), partition.address);

test('merged pages stay until 30 hours after their last segment, and go then', async () => {
  await merge(fullPassOver(partition), partition.address);
  const { pages, head } = await stored();
  partition.clock.advance(30 * hourMs);
  await clean();
  expect((await stored()).pages).toEqual(pages);
  partition.clock.advance(hourMs);
  await clean();
  const now = await stored();
  expect(now.pages).toEqual([]);
  expect(now.upkeep.historyFloor).toBe(head.mergedTo);
  expect(valuesOf(await readAll(createEngine(partition), 0))).toEqual(values);
});

test('pages that are not merged stay, however old', async () => {
  partition.clock.advance(1000 * hourMs);
  const { pages } = await stored();
  await clean();
  expect((await stored()).pages).toEqual(pages);
  expect((await stored()).upkeep.historyFloor).toBe(0);
});

test('a page that is young keeps itself and all pages above it', async () => {
  partition.clock.advance(20 * hourMs);
  await fill(partition.engine, 60);
  partition.clock.advance(20 * hourMs);
  await merge(fullPassOver(partition), partition.address);
  const { pages } = await stored();
  await clean();
  const now = await stored();
  expect(now.upkeep.historyFloor).toBeGreaterThan(0);
  expect(now.pages).toEqual(pages.filter(({ firstOffset }) => firstOffset >= now.upkeep.historyFloor));
  expect(now.pages.length).toBeGreaterThan(1);
  await expectSound(partition, partition.address);
});

test('a dry run deletes nothing', async () => {
  await merge(fullPassOver(partition), partition.address);
  partition.clock.advance(31 * hourMs);
  const before = await stored();
  await clean({ isDryRun: true });
  expect(await stored()).toEqual(before);
});

test('a page that a writer puts late, below the floor, is not read and goes with the next pass', async () => {
  await merge(fullPassOver(partition), partition.address);
  partition.clock.advance(31 * hourMs);
  const [first] = (await stored()).pages;
  await clean();
  const raws = first!.entries.map(({ entry }) => encodeEntry(entry));
  await partition.table.write({ kind: 'put', item: pageItem(partition.address, 0, raws, 0) });
  const { producerId } = await partition.engine.newProducer();
  const own = batchOf(['mine'], { producerId, producerEpoch: 0, baseSequence: 0 });
  // An expected offset makes the process look back through the pages.
  expect(await appendOne(createEngine(partition), 0, own)).toMatchObject({ duplicate: false });
  await clean();
  expect((await stored()).pages).toEqual([]);
});

test('of many transactional ids only those of pages are looked up', async () => {
  const producer = await startProducer(partition.engine, 'tx');
  for (const value of ['a', 'b']) {
    await producer.stage('t', 0, [value]);
    await producer.commit();
  }
  for (const id of ['x', 'y', 'z']) await startProducer(partition.engine, id);
  await fill(partition.engine, 60);
  await merge(fullPassOver(partition), partition.address);
  partition.clock.advance(31 * hourMs);
  const looked: string[] = [];
  const table = through(partition.table, (call, act) => {
    if (call.kind === 'get' && call.key.sk === 'x') looked.push(call.key.pk);
    return act();
  });
  await cleanPages(fullPassOver({ ...partition, table }), partition.address);
  expect((await stored()).pages).toEqual([]);
  expect(looked).toEqual(['txn/tx']);
});
