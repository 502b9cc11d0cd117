// The small worlds each say what they are made of: processes, partitions, batches, and how many batches are in flight.
// This file has the worlds of plain appends. Spills and topics have files of their own.

import { encodeEntry } from '../../../../lib/partition/entry.ts';
import { encodeProducerState, producerAttribute } from '../../../../lib/partition/head.ts';
import { headKey } from '../../../../lib/storage/keys.ts';
import type { SmallWorld } from '../../core/worlds.ts';
import { writer } from './actors.ts';
import { type LogWorld, smallLogWorld } from './case.ts';
import { inline } from './inline.ts';
import { maintenance } from './maintenance.ts';
import { alone, racing, two } from './orders.ts';
import { shared } from './shared.ts';
import { crowds, spills } from './spills.ts';
import { after, headOf, type Identity, newProducer, type Stage, wrote } from './stage.ts';
import { topics } from './topics.ts';

const appends: readonly LogWorld[] = [
  {
    ...two,
    name: 'first-append',
    about: 'an idempotent producer, 2 batches, 1 in flight; an empty partition',
    orders: alone,
    prepare: async (stage) => ({
      actors: [writer('a', { at: 0, batches: 2, identity: await newProducer(stage) })],
    }),
  },
  {
    ...two,
    name: 'next-append',
    about: 'an idempotent producer that wrote before, 1 batch, 1 in flight',
    orders: alone,
    prepare: async (stage) => {
      const identity = await newProducer(stage);
      await wrote(stage, 'a', { identity, records: 2 });
      return { actors: [writer('a', { at: 0, identity: after(identity, 2), order: 1 })] };
    },
  },
  {
    ...two,
    name: 'anonymous-append',
    about: 'a writer without an id, 2 batches, 1 in flight; 3 batches before',
    orders: alone,
    prepare: async (stage) => {
      for (let i = 0; i < 3; i++) await wrote(stage, `before${i}`);
      return { actors: [writer('a', { at: 0, batches: 2 })] };
    },
  },
  {
    ...two,
    name: 'racing-producers',
    about: 'two idempotent producers at two processes, 2 batches and 1, 2 in flight',
    orders: racing,
    prepare: async (stage) => ({
      actors: [
        writer('a', { at: 0, batches: 2, identity: await newProducer(stage) }),
        writer('b', { at: 1, identity: await newProducer(stage) }),
      ],
    }),
  },
  {
    ...two,
    name: 'expected-offset',
    about: 'two conditional appends for one offset, with a producer id and without, at two processes, 2 in flight',
    orders: racing,
    // Without an id, a repeat is refused because of its own first copy, which it cannot know.
    needsCauses: false,
    prepare: async (stage) => {
      for (let i = 0; i < 3; i++) await wrote(stage, `before${i}`);
      const identity = await newProducer(stage);
      return {
        actors: [writer('a', { at: 0, identity, expectedOffset: 3 }), writer('b', { at: 1, expectedOffset: 3 })],
      };
    },
  },
  {
    ...two,
    name: 'two-in-flight',
    about: 'one idempotent producer that sends its second batch ahead, to another process, 2 in flight',
    orders: racing,
    prepare: async (stage) => ({
      actors: [writer('a', { at: 0, batches: 2, identity: await newProducer(stage), isAhead: true })],
    }),
  },
  {
    ...two,
    name: 'new-epoch',
    about: 'two lives of one producer: the next batch of the old, the first of the new, at two processes, 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      const identity = await newProducer(stage);
      await wrote(stage, 'a', { identity, records: 2 });
      return {
        actors: [
          writer('a', { at: 0, identity: after(identity, 2), order: 1 }),
          writer('a', { at: 1, identity: { ...identity, producerEpoch: 1 }, order: 10 }),
        ],
      };
    },
  },
  {
    ...two,
    name: 'sequence-wrap',
    about: 'an idempotent producer whose sequence passes 2^31, 2 batches, 1 in flight',
    orders: alone,
    prepare: async (stage) => {
      const identity = await newProducer(stage);
      await wrote(stage, 'a', { identity, records: 2 });
      await turnSequence(stage, identity, 2 ** 31 - 3);
      return {
        actors: [writer('a', { at: 0, batches: 2, order: 1, identity: { ...identity, baseSequence: 2 ** 31 - 1 } })],
      };
    },
  },
  {
    processes: 2,
    partitions: 2,
    name: 'two-partitions',
    about: 'requests of one producer to two partitions at once, 2 requests, 1 in flight; a racing writer to both',
    orders: racing,
    prepare: async (stage) => ({
      actors: [
        writer('a', { at: 0, batches: 2, partitions: [0, 1], identity: await newProducer(stage) }),
        writer('b', { at: 1, partitions: [1, 0] }),
      ],
    }),
  },
];

/** Changes the sequence of the last batch of this producer. */
async function turnSequence(stage: Stage, { producerId }: Identity, firstSequence: number): Promise<void> {
  const item = (await stage.table.get(headKey(stage.topicId, 0)))!;
  const { entry } = (await headOf(stage)).tail.at(-1)!;
  const producer = { id: producerId, epoch: 0, firstSequence };
  const next = encodeProducerState(0, firstSequence + entry.recordCount);
  const tail = [...(item.t as Uint8Array[]).slice(0, -1), encodeEntry({ ...entry, producer })];
  await stage.table.write({
    kind: 'put',
    item: { ...item, t: tail, p: { ...(item.p as Record<string, Uint8Array>), [producerAttribute(producerId)]: next } },
  });
}

export const appendWorlds: readonly SmallWorld[] = appends.map(smallLogWorld);
export const spillWorlds: readonly SmallWorld[] = [...spills, ...crowds].map(smallLogWorld);
export const sharedWorlds: readonly SmallWorld[] = shared.map(smallLogWorld);
export const topicWorlds: readonly SmallWorld[] = topics.map(smallLogWorld);
export const maintenanceWorlds: readonly SmallWorld[] = maintenance.map(smallLogWorld);
export const inlineWorlds: readonly SmallWorld[] = inline.map(smallLogWorld);
export const smallLogWorlds: readonly SmallWorld[] = [
  ...appendWorlds,
  ...spillWorlds,
  ...sharedWorlds,
  ...topicWorlds,
  ...maintenanceWorlds,
  ...inlineWorlds,
];
