// This is a sweep as PROTOCOL.md describes it (maintenance has none yet). It raises the fences, reads every name, and
// deletes objects that are older than the fence and have no name. Its epochs run ahead of every clock. So each pass
// fences everything that is on its way, and if a sweep can lose anything, this one does.

import { namedObjects } from '../../../../lib/maintenance/named.ts';
import { emptyHeadItem, segmentEpochAt } from '../../../../lib/partition/head.ts';
import { headKey, parseSegmentKey, topicKey } from '../../../../lib/storage/keys.ts';
import { absent, any, below, type Table } from '../../../../lib/storage/table.ts';
import { pauseFor, simulatedTopic } from '../clients.ts';
import type { Actor, SmallWorld } from './small-world.ts';

export const sweeper =
  (passes: number, pauseMs: number): Actor =>
  async (world) => {
    for (let pass = 1; pass <= passes; pass++) {
      await pauseFor(world, world.random.below(pauseMs));
      await sweep(world, segmentEpochAt(world.scheduler.now()) + pass);
    }
  };

async function sweep(world: SmallWorld, epoch: number): Promise<void> {
  const step = () => pauseFor(world, 1 + world.random.below(60));
  const { table, objects } = world.network;
  const topic = await table.write({
    kind: 'update',
    key: topicKey(simulatedTopic),
    update: { set: [['te', epoch]] },
    if: below('te', epoch),
  });
  if (!topic.applied) return;
  const topicId = topic.item!.id as string;
  const partitions = Array.from({ length: topic.item!.partitions as number }, (_, partition) => partition);
  for (const partition of partitions) {
    await step();
    await fence(world, topicId, partition, epoch);
  }
  const names = new Set<string>();
  for (const partition of partitions)
    for await (const name of namedObjects(slowly(table, step), { topicId, partition })) names.add(name);
  await step();
  const { objects: found } = await objects.list({});
  const doomed = found.map(({ key }) => key).filter((key) => !names.has(key) && parseSegmentKey(key)!.epoch < epoch);
  await step();
  await objects.delete(doomed);
}

async function fence({ network }: SmallWorld, topicId: string, partition: number, epoch: number): Promise<void> {
  const key = headKey(topicId, partition);
  const { pk: _pk, sk: _sk, g: _g, ...rest } = emptyHeadItem(key, epoch);
  await network.table.write({
    kind: 'update',
    key,
    update: { set: [['g', epoch]], setIfAbsent: Object.entries(rest) },
    if: any(absent('g'), below('g', epoch)),
  });
}

/** The table with a pause before each request. */
function slowly(table: Table, step: () => Promise<void>): Table {
  const after = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args) => {
      await step();
      return call(...args);
    };
  };
  return { ...table, get: after(table.get), query: after(table.query) };
}

/** Adds partitions, one at a time, while others write to them. */
export const grower =
  (partitions: number, pauseMs: number): Actor =>
  async (world) => {
    for (let count = 2; count <= partitions; count++) {
      await pauseFor(world, world.random.below(pauseMs));
      await world.random
        .pick(world.processes)
        .request((engine) => engine.alterTopic({ topic: simulatedTopic, partitions: count }), 30_000);
    }
  };
