// Every port call of merging, joining and cleaning fails, loses its reply, comes late or twice, or is the last that the
// process makes. Whatever it left behind, the next pass finishes: nothing is lost, doubled or moved.
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../lib/engine.ts';
import { join } from '../../lib/maintenance/join.ts';
import { merge } from '../../lib/maintenance/merge.ts';
import { cleanPages } from '../../lib/maintenance/pages.ts';
import { retryingObjectStore, retryingTable } from '../../lib/storage/retry.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';
import { breakOne, type Fault, faults } from '../log/break-one.ts';
import { readAll } from '../log/world.ts';
import { fullPassOver, hourMs } from './pass.ts';
import { createPartition, expectSound, fill, type Partition, type Ports, storedOf } from './world.ts';

type Work = {
  readonly name: string;
  readonly prepare: (partition: Partition) => Promise<void>;
  readonly run: (pass: ReturnType<typeof fullPassOver>, partition: Partition) => Promise<void>;
  readonly expectDone: (partition: Partition) => Promise<void>;
};

const nothing = async () => {};

const works: readonly Work[] = [
  {
    name: 'a merge',
    prepare: nothing,
    run: (pass, { address }) => merge(pass, address),
    async expectDone(partition) {
      const { head } = await storedOf(partition, partition.address);
      expect(head.mergedTo).toBe(head.tailBase);
    },
  },
  {
    name: 'a join',
    async prepare(partition) {
      for (let i = 0; i < 3; i++) {
        await fill(partition.engine, 30, `more${i}-`);
        await merge(fullPassOver(partition), partition.address);
      }
      expect((await storedOf(partition, partition.address)).items.length).toBeGreaterThan(2);
    },
    run: (pass, { address }) => join(pass, address),
    async expectDone(partition) {
      expect((await storedOf(partition, partition.address)).items).toHaveLength(1);
    },
  },
  {
    name: 'the cleaning of pages',
    async prepare(partition) {
      await merge(fullPassOver(partition), partition.address);
      partition.clock.advance(32 * hourMs);
    },
    run: (pass, { address }) => cleanPages(pass, address),
    async expectDone(partition) {
      const { pages, upkeep, head } = await storedOf(partition, partition.address);
      expect(pages.filter(({ endOffset }) => endOffset <= upkeep.historyFloor)).toEqual([]);
      expect(upkeep.historyFloor).toBe(head.mergedTo);
    },
  },
];

type Breaking = Pick<ReturnType<typeof breakOne>, 'arm' | 'fired' | 'settle' | 'table' | 'objects'>;

/** From call number `at` on, no call is made any more. */
function dieAt(at: number): Breaking {
  let calls = Number.NEGATIVE_INFINITY;
  const call = async <T>(act: () => Promise<T>): Promise<T> => {
    if (calls++ >= at) throw new StorageError('unavailable', 'the process is dead');
    return act();
  };
  return {
    arm: () => {
      calls = 0;
    },
    fired: () => calls > at,
    settle: nothing,
    table: (table) => ({
      get: (...args) => call(() => table.get(...args)),
      getMany: (...args) => call(() => table.getMany(...args)),
      query: (...args) => call(() => table.query(...args)),
      write: (...args) => call(() => table.write(...args)),
      transact: (...args) => call(() => table.transact(...args)),
    }),
    objects: (objects) => ({
      ...objects,
      putOnce: (...args) => call(() => objects.putOnce(...args)),
      get: (...args) => call(() => objects.get(...args)),
    }),
  };
}

/** Returns false once the work makes fewer calls than `at`. */
async function run(work: Work, fault: Fault | 'death', at: number, retries: boolean): Promise<boolean> {
  const partition = await createPartition();
  await fill(partition.engine, 40);
  await work.prepare(partition);
  const before = await recordsOf(partition);
  const broken = fault === 'death' ? dieAt(at) : breakOne(fault, at, 2);
  const bare = { objects: broken.objects(partition.objects), table: broken.table(partition.table) };
  broken.arm();
  await work
    .run(fullPassOver({ ...partition, ...(retries ? retrying(bare, partition) : bare) }), partition)
    .catch((error) => {
      expect(error).toBeInstanceOf(StorageError);
    });
  const fired = broken.fired();
  await expectSound(partition, partition.address);
  expect(await recordsOf(partition)).toEqual(before);
  await work.run(fullPassOver(partition), partition);
  await broken.settle();
  await work.run(fullPassOver(partition), partition);
  await expectSound(partition, partition.address);
  await work.expectDone(partition);
  expect(await recordsOf(partition)).toEqual(before);
  return fired;
}

/** A process that starts now reads them. */
const recordsOf = async (ports: Partition) => readAll(createEngine(ports), 0);

const retrying = ({ objects, table }: Ports, { clock }: Partition): Ports => ({
  objects: retryingObjectStore(objects, clock),
  table: retryingTable(table, clock),
});

const cases = [
  ...([...faults, 'death'] as const).map((fault) => ({ fault, retries: false })),
  ...(['reply lost', 'acts later'] as const).map((fault) => ({ fault, retries: true })),
];

describe.each(works)('$name', (work) => {
  test.each(cases)('$fault at every call, retries in the adapter: $retries', async ({ fault, retries }) => {
    let calls = 0;
    while (await run(work, fault, calls, retries)) calls++;
    expect(calls).toBeGreaterThanOrEqual(5);
  });
});
