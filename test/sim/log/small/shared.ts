// In these small worlds a process has group commit, with one upload at a time. The requests that come meanwhile share a
// segment, so that one fault at its PUT meets them all.
import { fenceHead } from '../../../../lib/partition/fence.ts';
import { segmentEpochAt } from '../../../../lib/partition/head.ts';
import { writer } from './actors.ts';
import type { LogWorld, Order } from './case.ts';
import { two } from './orders.ts';
import { newProducer, startMs, wrote } from './stage.ts';

/** A call takes 22 ms at an even pace, and each actor first reads its topic. */
const orders: readonly Order[] = [
  { name: 'together', beginMs: [0, 0, 0, 0], paces: [0.5, 0.5] },
  { name: 'one after the other; stale', beginMs: [0, 4, 9, 13], paces: [0.5, 0.5], isStale: true },
  { name: 'the last has a segment of its own', beginMs: [0, 4, 8, 60], paces: [0.5, 0.5] },
  { name: 'late copies come soon', beginMs: [0, 1, 1, 1], paces: [0.0002, 0.5] },
];

const groupCommit = { uploadsAtOnce: 1 };

export const shared: readonly LogWorld[] = [
  {
    ...two,
    name: 'shared-segment',
    about: 'two idempotent producers and two writers without an id at one process, 1 batch each, 4 in flight',
    orders,
    groupCommit,
    prepare: async (stage) => ({
      actors: [
        writer('a', { at: 0 }),
        writer('b', { at: 0, identity: await newProducer(stage) }),
        writer('c', { at: 0 }),
        writer('d', { at: 0, identity: await newProducer(stage) }),
      ],
    }),
  },
  {
    processes: 1,
    partitions: 1,
    name: 'shared-in-flight',
    about: 'one idempotent producer with 4 batches in flight, all at one process',
    orders,
    groupCommit,
    prepare: async (stage) => ({
      actors: [writer('a', { at: 0, batches: 4, isAhead: true, identity: await newProducer(stage) })],
    }),
  },
  {
    processes: 2,
    partitions: 2,
    name: 'shared-partitions',
    about: 'three writers to two partitions, in either order, and one to one of them, at one process, 4 in flight',
    orders,
    groupCommit: { ...groupCommit, lingerMs: 8 },
    prepare: async (stage) => ({
      actors: [
        writer('a', { at: 0, partitions: [0, 1] }),
        writer('b', { at: 0, partitions: [1, 0], identity: await newProducer(stage) }),
        writer('c', { at: 0, partitions: [1] }),
        writer('d', { at: 0, partitions: [0, 1], records: 3, identity: await newProducer(stage) }),
      ],
    }),
  },
  {
    ...two,
    name: 'shared-refusal',
    about: 'three idempotent producers in one segment, of which two expect the same offset, 4 in flight',
    orders,
    groupCommit,
    prepare: async (stage) => {
      for (let i = 0; i < 2; i++) await wrote(stage, `before${i}`);
      return {
        actors: [
          writer('a', { at: 0 }),
          writer('b', { at: 0, expectedOffset: 4, identity: await newProducer(stage) }),
          writer('c', { at: 0, expectedOffset: 4, identity: await newProducer(stage) }),
          writer('d', { at: 0, identity: await newProducer(stage) }),
        ],
      };
    },
  },
  {
    ...two,
    name: 'shared-fence',
    about: 'three writers at one process to a partition that is fenced above its clock: all upload again, 3 in flight',
    orders,
    groupCommit,
    prepare: async (stage) => {
      await wrote(stage, 'before');
      await fenceHead(stage.table, { topicId: stage.topicId, partition: 0 }, segmentEpochAt(startMs) + 2);
      return {
        actors: [
          writer('a', { at: 0, identity: await newProducer(stage) }),
          writer('b', { at: 0 }),
          writer('c', { at: 0, identity: await newProducer(stage) }),
        ],
      };
    },
  },
];
