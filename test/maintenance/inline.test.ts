// Inline items go when nobody is led to them any more: a merge deletes those that it has moved, and a sweep deletes what
// nothing names.
import { beforeEach, describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { audit } from '../../lib/maintenance/audit.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { retain } from '../../lib/maintenance/retain.ts';
import { sweep } from '../../lib/maintenance/sweep.ts';
import { inlineKey } from '../../lib/storage/keys.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table, Write } from '../../lib/storage/table.ts';
import { inlineItemsOf } from '../log/inline-items.ts';
import { appendOne, batchOf, createWorld, readAll, valuesOf } from '../log/world.ts';
import { fullPassOver, hourMs, topicOf } from './pass.ts';
import { fill, type Partition, seenBy, storedOf } from './world.ts';

const config = { 'rivulet.inline.max.bytes': '1024' };

let partition: Partition;
beforeEach(async () => {
  const world = createWorld();
  const { topicId } = await world.engine.createTopic({ topic: 't', config });
  partition = { ...world, address: { topicId, partition: 0 } };
});

const namesNow = async () => (await inlineItemsOf(partition.table)).map(({ pk, sk }) => `${pk}/${sk}`);
const isDeletion = (write: Write) => write.kind === 'delete' && write.key.pk.startsWith('inline/');

/** Refuses the deletion of inline items, like a merge that dies before it. */
const withoutRemoval = (): Partition => ({
  ...partition,
  table: {
    ...partition.table,
    async write(write, options) {
      if (isDeletion(write)) throw new StorageError('denied', 'the process has died');
      return partition.table.write(write, options);
    },
  },
});

describe('a merge', () => {
  test('moves the records of items, changes nothing that a reader sees, and deletes these items only', async () => {
    const values = await fill(partition.engine, 130);
    const before = await seenBy(partition);
    const pass = fullPassOver(partition);
    await merge(pass, partition.address);
    const { head, items } = await storedOf(partition, partition.address);
    expect([items.length, head.mergedTo, pass.damage]).toEqual([1, head.tailBase, []]);
    expect(await seenBy(partition)).toEqual(before);
    expect(await inlineItemsOf(partition.table)).toHaveLength(head.tail.length);
    expect(valuesOf(await readAll(createEngine(partition), 0))).toEqual(values);
  });

  test('takes items out of what a description counts', async () => {
    await fill(partition.engine, 130);
    const described = async () =>
      (await partition.engine.describePartitions({ topic: 't', storage: true })).partitions[0]!.storage;
    const inIndex = async () => {
      const items = await inlineItemsOf(partition.table);
      const inlineBytes = items.reduce((sum, { d }) => sum + (d as Uint8Array).length, 0);
      return { inlineItems: items.length, inlineBytes };
    };
    expect((await inIndex()).inlineItems).toBe(130);
    expect(await described()).toMatchObject({ logSegments: 0, ...(await inIndex()) });
    await merge(fullPassOver(partition), partition.address);
    expect(await described()).toMatchObject({ logSegments: 1, ...(await inIndex()) });
    await partition.engine.alterTopic({ topic: 't', config: { 'rivulet.inline.max.bytes': null } });
    const before = await described();
    await fill(partition.engine, 3);
    expect(await described()).toMatchObject({ inlineItems: before!.inlineItems, inlineBytes: before!.inlineBytes });
  });

  test('deletes no item before the head leads readers elsewhere', async () => {
    await fill(partition.engine, 60);
    const mergedTo: number[] = [];
    const table: Table = {
      ...partition.table,
      async write(write, options) {
        if (isDeletion(write)) mergedTo.push((await storedOf(partition, partition.address)).head.mergedTo);
        return partition.table.write(write, options);
      },
    };
    await merge(fullPassOver({ ...partition, table }), partition.address);
    const { head } = await storedOf(partition, partition.address);
    expect(mergedTo.length).toBeGreaterThan(30);
    expect(new Set(mergedTo)).toEqual(new Set([head.tailBase]));
  });

  test('also deletes the items of pages that lie below the log start', async () => {
    await fill(partition.engine, 60);
    const { head } = await storedOf(partition, partition.address);
    await partition.engine.deleteRecords({ topic: 't', partitions: [{ partition: 0, offset: head.tailBase }] });
    await merge(fullPassOver(partition), partition.address);
    expect((await storedOf(partition, partition.address)).items).toEqual([]);
    expect(await inlineItemsOf(partition.table)).toHaveLength(head.tail.length);
  });

  test('stops at an item that is lost, and tells its offset', async () => {
    await fill(partition.engine, 60);
    const { entry, baseOffset } = (await storedOf(partition, partition.address)).pages[0]!.entries[2]!;
    const lost = inlineKey(partition.address.topicId, 0, entry.segmentEpoch, entry.segmentRandom);
    await partition.table.write({ kind: 'delete', key: lost });
    const pass = fullPassOver(partition);
    await merge(pass, partition.address);
    const { head, upkeep } = await storedOf(partition, partition.address);
    expect(pass.damage).toMatchObject([{ offset: baseOffset }]);
    expect([head.mergedTo, upkeep.logEnd, upkeep.damagedAt]).toEqual([0, 0, baseOffset]);
  });
});

describe('a reader with an old head', () => {
  test('finds what was merged and removed since, or learns that it was deleted', async () => {
    const values = await fill(partition.engine, 60);
    const { topicId } = partition.address;
    let isLate = false;
    const engine = createEngine({
      ...partition,
      table: {
        ...partition.table,
        // Each read of items comes after a merge that has removed them.
        async getMany(keys, options) {
          if (isLate) await merge(fullPassOver(partition), { topicId, partition: 0 });
          return partition.table.getMany(keys, options);
        },
      },
    });
    isLate = true;
    expect(valuesOf(await readAll(engine, 0)).slice(0, values.length)).toEqual(values);
  });
});

describe('an audit and a sweep', () => {
  const named = async () => {
    const { head } = await storedOf(partition, partition.address);
    return head.tail.length;
  };

  test('look up named items by their keys, and find a lost one', async () => {
    await fill(partition.engine, 30);
    for (const laterMs of [0, 10 * hourMs]) {
      partition.clock.advance(laterMs);
      expect(await audit(partition)).toMatchObject({ missingObjects: 0, orphans: 0, foreign: 0, objects: 0 });
    }
    const [lost] = await inlineItemsOf(partition.table);
    await partition.table.write({ kind: 'delete', key: { pk: lost!.pk, sk: lost!.sk } });
    expect(await audit(partition)).toMatchObject({
      missingObjects: 1,
      missing: [{ object: `${lost!.pk}/${lost!.sk}`, topic: 't' }],
    });
  });

  test('with few names at a time find the same', async () => {
    await fill(partition.engine, 60);
    partition.clock.advance(10 * hourMs);
    const most = { ...partition, maxNames: 12 };
    expect(await audit(most)).toMatchObject({ missingObjects: 0, orphans: 0 });
  });

  test('delete what a dead merge has left, once it is old, and nothing else', async () => {
    const values = await fill(partition.engine, 60);
    const before = await namesNow();
    await merge(fullPassOver(withoutRemoval()), partition.address).catch(() => undefined);
    expect(await namesNow()).toEqual(before);
    expect(await sweep(fullPassOver(partition))).toMatchObject({ sweptObjects: 0 });
    partition.clock.advance(5 * hourMs);
    const dry = await sweep(fullPassOver(partition, { isDryRun: true }));
    expect(dry.sweptObjects).toBe(before.length - (await named()));
    expect(await namesNow()).toEqual(before);
    const report = await sweep(fullPassOver(partition));
    expect(report).toMatchObject({ sweptObjects: dry.sweptObjects, sweptBytes: dry.sweptBytes });
    expect(await namesNow()).toHaveLength(await named());
    expect(valuesOf(await readAll(createEngine(partition), 0))).toEqual(values);
  });

  test('leave items that an append names while they are at work: it is fenced, and puts another', async () => {
    const { engine } = partition;
    await appendOne(engine, 0, batchOf(['first']));
    let isHeld = true;
    const slow: Table = {
      ...partition.table,
      async write(write, options) {
        const isAppend = write.kind === 'update' && write.update.append !== undefined;
        if (isAppend && isHeld) {
          isHeld = false;
          partition.clock.advance(5 * hourMs);
          expect(await sweep(fullPassOver(partition))).toMatchObject({ sweptObjects: 1 });
          partition.clock.advance(-5 * hourMs);
        }
        return partition.table.write(write, options);
      },
    };
    await appendOne(createEngine({ ...partition, table: slow }), 0, batchOf(['second']));
    expect(valuesOf(await readAll(createEngine(partition), 0))).toEqual(['first', 'second']);
  });

  test('delete the items of a deleted topic, whatever the setting was', async () => {
    await fill(partition.engine, 30);
    await partition.engine.alterTopic({ topic: 't', config: { 'rivulet.inline.max.bytes': '0' } });
    await partition.engine.deleteTopic('t');
    partition.clock.advance(5 * hourMs);
    expect(await sweep(fullPassOver(partition))).toMatchObject({ sweptObjects: 30 });
    expect(await inlineItemsOf(partition.table)).toEqual([]);
  });
});

test('retention removes records of items, and a merge then their items', async () => {
  await partition.engine.alterTopic({ topic: 't', config: { 'retention.ms': `${hourMs}` } });
  await fill(partition.engine, 60);
  partition.clock.advance(5 * hourMs);
  await retain(fullPassOver(partition), await topicOf(partition), 0);
  const { head } = await storedOf(partition, partition.address);
  expect(head.logStart).toBe(head.next);
  await merge(fullPassOver(partition), partition.address);
  expect(await inlineItemsOf(partition.table)).toHaveLength(head.tail.length);
});
