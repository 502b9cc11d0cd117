// A sweep as PROTOCOL.md describes it (upkeep is not made yet): it raises the fences, reads every name, and deletes what
// is older than the fence and has no name. Its epochs run ahead of every clock: then each pass fences all that is on its
// way, and if anything can be lost to a sweep, it is.
import { emptyHeadItem, parseHead, segmentEpochAt } from '../../../lib/log/head.ts';
import { pagesBetween } from '../../../lib/log/page.ts';
import { headKey, ingestSegmentKey, topicKey } from '../../../lib/storage/keys.ts';
import { absent, any, below } from '../../../lib/storage/table.ts';
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
    for await (const name of namesIn(world, topicId, partition, step)) names.add(name);
  await step();
  const { objects: found } = await objects.list({});
  const doomed = found.map(({ key }) => key).filter((key) => !names.has(key) && epochOf(key) < epoch);
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

/** Head first, then pages: what moves meanwhile is seen at least once. */
async function* namesIn(
  { network }: SmallWorld,
  topicId: string,
  partition: number,
  step: () => Promise<void>,
): AsyncGenerator<string> {
  const nameOf = ({ segmentEpoch, segmentRandom }: { segmentEpoch: number; segmentRandom: Uint8Array }) =>
    ingestSegmentKey(topicId, segmentEpoch, segmentRandom);
  await step();
  const head = parseHead((await network.table.get(headKey(topicId, partition), { strong: true }))!);
  for (const { entry } of head.tail) yield nameOf(entry);
  await step();
  for await (const page of pagesBetween(network.table, { topicId, partition }, 0, Number.MAX_SAFE_INTEGER)) {
    for (const { entry } of page.entries) yield nameOf(entry);
  }
}

const epochOf = (objectKey: string) => Number.parseInt(/ingest\/(.{6})/.exec(objectKey)![1]!, 16);

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
