import { describe, expect, test } from 'vitest';
import type { MaintenancePass } from '../../lib/api/maintenance.ts';
import { createEngine } from '../../lib/engine.ts';
import { type PassTools, runPass } from '../../lib/maintenance/pass.ts';
import { requestPass } from '../../lib/maintenance/pass-item.ts';
import { countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { appendOne, batchOf, createWorld, readAll, valuesOf, type World } from '../log/world.ts';

const MINUTE_MS = 60_000;

/** A topic whose records are in index pages and a tail: 100 appends to each partition. */
async function filledWorld(partitions = 2, config: Record<string, string> = {}): Promise<World & { topicId: string }> {
  const totals = newCounters();
  const world = createWorld(({ objects, table }) => ({
    objects: countingObjectStore(objects, totals),
    table: countingTable(table, totals),
  }));
  const { topicId } = await world.engine.createTopic({ topic: 't', partitions, config });
  for (let partition = 0; partition < partitions; partition++)
    for (let i = 0; i < 100; i++) await appendOne(world.engine, partition, batchOf([`value ${i}`]));
  return { ...world, topicId };
}

const toolsOf = (world: World, more: Partial<PassTools> = {}): PassTools => ({
  ...world,
  isOver: () => false,
  mergeDelayMs: 0,
  maySweep: true,
  tableName: 'table',
  ...more,
});

/** Asks for a pass and does not run it. */
async function requested(world: World, topicId?: string, options = {}): Promise<{ passId: string; topicId?: string }> {
  const { pass } = await requestPass(world, topicId, options);
  return { passId: pass.passId, ...(topicId && { topicId }) };
}

async function ended(world: World, topic?: string): Promise<MaintenancePass> {
  for (;;) {
    const pass = await world.engine.maintenance.last(topic === undefined ? {} : { topic });
    if (pass.state === 'done' || pass.state === 'failed') return pass;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a pass', () => {
  test('merges every partition of a topic, and the log reads the same', async () => {
    const world = await filledWorld();
    const before = await readAll(world.engine, 0);
    const { state, passId } = await world.engine.maintenance.start({ topic: 't', full: true });
    expect(state).toBe('requested');
    const pass = await ended(world, 't');
    expect(pass).toMatchObject({ passId, state: 'done', donePartitions: 2, partitions: 2, full: true, dryRun: false });
    const { counts, requests, usd } = pass.report!;
    expect(counts.mergedRecords).toBeGreaterThan(100);
    expect(counts.writtenObjects).toBe(2);
    expect(requests.s3Put).toBe(2);
    expect(usd).toBeGreaterThan(requests.s3Put * 5e-6);
    expect(valuesOf(await readAll(createEngine(world), 0))).toEqual(valuesOf(before));
  });

  test('that is a dry run counts the same and changes nothing', async () => {
    const world = await filledWorld();
    await world.engine.maintenance.start({ topic: 't', full: true, dryRun: true });
    const dry = await ended(world, 't');
    expect((await world.objects.list({})).objects).toHaveLength(200);
    await world.engine.maintenance.start({ topic: 't', full: true });
    const wet = await ended(world, 't');
    const { mergedRecords, mergedBytes } = wet.report!.counts;
    expect(dry.report!.counts).toMatchObject({ mergedRecords, mergedBytes });
    expect(dry.report!.requests).toMatchObject({ s3Put: 0 });
  });

  test('over all topics sweeps at the end', async () => {
    const world = await filledWorld();
    await world.engine.maintenance.start({ full: true });
    await ended(world);
    // The sources of the merge are unnamed by now, and old after some hours.
    world.clock.advance(5 * 60 * MINUTE_MS);
    await world.engine.maintenance.start({});
    const { report } = await ended(world);
    expect(report!.counts.sweptObjects).toBeGreaterThan(100);
    expect(report!.missingObjects).toBe(0);
    expect(await readAll(createEngine(world), 1)).toHaveLength(100);
  });

  test('that is at work is returned to whoever asks for another one', async () => {
    const world = await filledWorld();
    const first = await requested(world, world.topicId);
    const second = await requested(world, world.topicId, { full: true });
    expect(second.passId).toBe(first.passId);
    expect(await runPass(toolsOf(world), second)).toBe('done');
    expect((await requested(world, world.topicId)).passId).not.toBe(first.passId);
  });

  test('that has died can be started again after a quarter of an hour', async () => {
    const world = await filledWorld();
    const first = await requested(world, world.topicId);
    world.clock.advance(15 * MINUTE_MS);
    expect((await requested(world, world.topicId)).passId).toBe(first.passId);
    world.clock.advance(2 * MINUTE_MS);
    const last = await world.engine.maintenance.last({ topic: 't' });
    expect(last).toMatchObject({ state: 'failed', reason: expect.stringContaining('start it again') });
    const again = await requested(world, world.topicId);
    expect(again.passId).not.toBe(first.passId);
    // The first process wakes up: the pass is not its own any more.
    expect(await runPass(toolsOf(world), first)).toBe('lost');
    expect(await runPass(toolsOf(world), again)).toBe('done');
  });

  test('goes on in another process where the first one ran out of time', async () => {
    const world = await filledWorld(3);
    const ref = await requested(world, undefined, { full: true });
    const merged = async () => (await world.engine.maintenance.last({})).report?.counts.mergedRecords ?? 0;
    const ends: string[] = [];
    const sums: number[] = [];
    for (let runs = 0; ends.at(-1) !== 'done' && runs < 10; runs++) {
      // Each process has time for one partition, and only the last one may sweep.
      const before = await merged();
      let isOver = false;
      const table = {
        ...world.table,
        async write(write: Parameters<typeof world.table.write>[0]) {
          const result = await world.table.write(write);
          const endsLease = JSON.stringify(write).includes('"lu",0');
          if (endsLease) isOver = true;
          return result;
        },
      };
      const maySweep = ends.includes('sweep');
      const tools = toolsOf(world, { table, isOver: () => isOver && !maySweep, maySweep });
      ends.push(await runPass(tools, ref));
      sums.push((await merged()) - before);
    }
    expect(ends.at(-1)).toBe('done');
    expect(ends).toContain('more');
    expect(ends.at(-2)).toBe('sweep');
    const { report, donePartitions } = await world.engine.maintenance.last({});
    expect(donePartitions).toBe(3);
    expect(report!.counts.writtenObjects).toBe(3);
  });

  test('of which two copies arrive is run once', async () => {
    const world = await filledWorld(1);
    const ref = await requested(world, world.topicId);
    const ends = await Promise.all([runPass(toolsOf(world), ref), runPass(toolsOf(world), ref)]);
    expect(ends.sort()).toEqual(['done', 'lost']);
  });

  test('reports the damage of one partition, and goes on with the others', async () => {
    const world = await filledWorld(2);
    const { objects } = await world.objects.list({});
    const bytes = await world.objects.get(objects[0]!.key);
    await world.objects.delete([objects[0]!.key]);
    expect(bytes).toBeDefined();
    await world.engine.maintenance.start({ topic: 't', full: true });
    const { state, report } = await ended(world, 't');
    expect(state).toBe('done');
    expect(report).toMatchObject({ damaged: 1, damage: [{ topic: 't', reason: expect.any(String) }] });
    expect(report!.counts.writtenObjects).toBe(1);
  });

  test('notes the partitions that failed, and fails if the storage does', async () => {
    const world = await filledWorld(12);
    const broken = (limit: number): PassTools => {
      let fails = 0;
      const query = (request: Parameters<typeof world.table.query>[0]) => {
        if (request.pk.endsWith('/p') && fails++ < limit) throw new Error('no storage');
        return world.table.query(request);
      };
      return toolsOf(world, { table: { ...world.table, query } });
    };
    expect(await runPass(broken(1), await requested(world, world.topicId, { full: true }))).toBe('done');
    expect((await ended(world, 't')).report!.notes).toEqual(['t/0: no storage']);
    const ref = await requested(world, world.topicId, { full: true });
    await expect(runPass(broken(1_000), ref)).rejects.toThrow('no storage');
    expect(await ended(world, 't')).toMatchObject({ state: 'failed', reason: 'no storage' });
  });

  test('whose process dies at any call can be started again, and loses nothing', async () => {
    for (let calls = 0, survived = false; !survived; calls += 3) {
      const world = await filledWorld(1, { 'retention.ms': '-1' });
      const ref = await requested(world, undefined, { full: true });
      let left = calls;
      const dying = <Port extends object>(port: Port): Port =>
        new Proxy(port, {
          get: (target, name) => {
            const call = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
            return (...args: unknown[]) => (left-- > 0 ? call(...args) : Promise.reject(new Error('it died')));
          },
        });
      const tools = toolsOf(world, { objects: dying(world.objects), table: dying(world.table) });
      survived = (await runPass(tools, ref).catch(() => 'died')) === 'done' && left >= 0;
      world.clock.advance(17 * MINUTE_MS);
      const again = await requested(world, undefined, { full: true });
      expect(await runPass(toolsOf(world), again)).toBe('done');
      expect(await world.engine.maintenance.last({})).toMatchObject({ state: 'done', report: { missingObjects: 0 } });
      expect(await readAll(createEngine(world), 0)).toHaveLength(100);
    }
  });

  test('of nothing that was ever requested is NOT_FOUND', async () => {
    const { engine } = await filledWorld(1);
    await expect(engine.maintenance.last({ topic: 't' })).rejects.toMatchObject({ errorCode: 'NOT_FOUND' });
    await expect(engine.maintenance.last({})).rejects.toMatchObject({ errorCode: 'NOT_FOUND' });
    await expect(engine.maintenance.start({ topic: 'no' })).rejects.toMatchObject({
      errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });
});
