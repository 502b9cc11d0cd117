// These tests show that the search finds orphans, on stores that were damaged by hand.
import { expect, test } from 'vitest';
import { createEngine } from '../../../lib/engine.ts';
import { encodeRows } from '../../../lib/partition/log-item.ts';
import { headKey, segmentKey } from '../../../lib/storage/keys.ts';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import type { Write } from '../../../lib/storage/table.ts';
import { observe } from './observer.ts';
import { findOrphanTrouble } from './orphans.ts';
import { fillToMark, newProducer, openStage, type Stores, startMs, stillClock, wrote } from './small/stage.ts';
import { fillLogSegments } from './small/upkeep-stage.ts';

async function filledStage() {
  const { stage } = await openStage(1);
  await fillToMark(stage);
  await wrote(stage, 'spiller', { identity: await newProducer(stage) });
  return stage;
}

const namesOf = (found: readonly { name: string }[]) => found.map(({ name }) => name);

test('a store in order gives no complaint, even with orphans of lost appends', async () => {
  const { objects, table, topicId } = await filledStage();
  await objects.putOnce(segmentKey('ingest', topicId, 490_000, new Uint8Array(8)), [new Uint8Array(5)]);
  expect(await findOrphanTrouble({ objects, table, sent: [] })).toEqual([]);
});

test('a missing object that an entry names is found, in tail and pages', async () => {
  const { objects, table } = await filledStage();
  const { objects: infos } = await objects.list({});
  await objects.delete(infos.map(({ key }) => key));
  const found = await findOrphanTrouble({ objects, table, sent: [] });
  expect(namesOf(found)).toEqual(infos.map(() => 'index names a missing object'));
});

test('an object is found whose name gives no topic, or a topic that never existed', async () => {
  const { objects, table } = await filledStage();
  await objects.putOnce('stray', [new Uint8Array(1)]);
  await objects.putOnce(segmentKey('ingest', 'A'.repeat(22), 490_000, new Uint8Array(8)), [new Uint8Array(1)]);
  expect(namesOf(await findOrphanTrouble({ objects, table, sent: [] }))).toEqual([
    'not to be swept',
    'not to be swept',
    'left after a sweep',
  ]);
});

test('a missing index page is found', async () => {
  const { objects, table, topicId } = await filledStage();
  await table.write({ kind: 'delete', key: { pk: `${topicId}/0/p`, sk: '0000000000000000' } });
  expect(namesOf(await findOrphanTrouble({ objects, table, sent: [] }))).toEqual(['index with a gap']);
});

/** Two log segments of two records each, and three records in the tail. */
async function mergedStage() {
  const { stage } = await openStage(1);
  await fillLogSegments(stage, 2);
  const pk = `${stage.topicId}/0/l`;
  const [first] = (await stage.table.query({ pk })).items;
  return { ...stage, first: first! };
}

test.each([
  [
    'a missing log item',
    ['index with a gap'],
    ({ table, first }: Merged) => table.write({ kind: 'delete', key: { pk: first.pk, sk: first.sk } }),
  ],
  [
    'a row that does not begin at a batch',
    ['a row without its batch'],
    ({ table, first }: Merged) => {
      const rows = encodeRows({ firstOffset: 0, rows: [{ offset: 0, position: 9, maxTimestampMs: 0 }] });
      return table.write({ kind: 'put', item: { ...first, i: rows } });
    },
  ],
  [
    'a head that leads readers beyond the log items',
    ['index out of order'],
    ({ table, topicId }: Merged) =>
      table.write({ kind: 'update', key: headKey(topicId, 0), update: { set: [['m', 5]] } }),
  ],
] as const)('%s is found', async (_name, expected, damage) => {
  const stage = await mergedStage();
  const { objects, table } = stage;
  expect(await findOrphanTrouble({ objects, table, sent: [] })).toEqual([]);
  await damage(stage);
  expect(namesOf(await findOrphanTrouble({ objects, table, sent: [] }))).toEqual(expected);
});

type Merged = Awaited<ReturnType<typeof mergedStage>>;

test('an observer sees that a number falls', async () => {
  const { objects, table, topicId } = await mergedStage();
  const { table: observed, falls } = observe({ objects, table });
  const move = (to: number) =>
    observed.write({ kind: 'update', key: headKey(topicId, 0), update: { set: [['s', to]] } });
  await move(2);
  await move(3);
  expect(falls).toEqual([]);
  await move(2);
  expect(namesOf(falls)).toEqual(['a number fell']);
});

/** A process whose appends are lost on their way. `weaken` gives the form of the copy that acts later. */
function lossyTable({ objects, table }: Stores, weaken: (write: SentUpdate) => SentUpdate) {
  const lost = { ...table, write: () => Promise.reject(new StorageError('no-answer', 'lost')) };
  const watched = observe({ objects, table: lost });
  const write = (one: Write) =>
    one.kind === 'update' && one.update.append ? watched.table.write(weaken(one)) : table.write(one);
  return { table: { ...table, write }, sent: watched.sent };
}

type SentUpdate = Extract<Write, { kind: 'update' }>;

test.each([
  ['a late append is held back by the fence', (write: SentUpdate) => write, []],
  [
    'a late append that heeds no fence is found',
    ({ if: _guard, ...rest }: SentUpdate) => rest,
    ['named after the sweep'],
  ],
] as const)('%s', async (_name, weaken, expected) => {
  const { stage } = await openStage(1);
  const { table, sent } = lossyTable(stage, weaken);
  const engine = createEngine({ objects: stage.objects, table, clock: stillClock(startMs, 5) });
  await expect(wrote(stage, 'late', { engine })).rejects.toThrow('lost');
  expect(sent).toHaveLength(1);
  expect(namesOf(await findOrphanTrouble({ objects: stage.objects, table: stage.table, sent }))).toEqual(expected);
});
