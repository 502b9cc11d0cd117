// Small worlds in which appends become items of the table. Maintenance moves and removes these items beside writers, readers,
// and somebody who turns the setting off and on.
import { simulatedTopic } from '../clients.ts';
import { joining, merging, retaining, sweeping } from '../upkeep.ts';
import { type Actor, persist, reader, repeater, writer } from './actors.ts';
import type { LogWorld } from './case.ts';
import { deleter, hourMs, inTurn, later, orders, upkeep } from './maintenance.ts';
import { racing, two } from './orders.ts';
import { newProducer } from './stage.ts';
import { judgeRecreated, owner, probe } from './topics.ts';
import { evicted, fillLogSegments, fillPages, inlineConfig, inlined } from './upkeep-stage.ts';

const setter =
  (at: number, bytes: number): Actor =>
  (cast) =>
    persist(
      cast,
      at,
      (engine) => engine.alterTopic({ topic: simulatedTopic, config: inlineConfig(bytes) }),
      (answer) => answer !== 'lost' && 'reply' in answer,
    );

export const inline: readonly LogWorld[] = [
  {
    ...two,
    name: 'inline-append',
    about:
      'small appends of an idempotent producer (2 batches) and of a writer without an id, at two processes; a reader',
    orders: racing,
    prepare: async (stage) => {
      await inlined(stage);
      return {
        actors: [
          writer('a', { at: 0, batches: 2, identity: await newProducer(stage) }),
          writer('b', { at: 1 }),
          reader('r', 1, 2, 0),
        ],
      };
    },
  },
  {
    processes: 2,
    partitions: 2,
    name: 'inline-two-partitions',
    about: 'requests with small appends to two partitions, 2 requests; a racing writer to both',
    orders: racing,
    prepare: async (stage) => {
      await inlined(stage);
      return {
        actors: [
          writer('a', { at: 0, batches: 2, partitions: [0, 1], identity: await newProducer(stage) }),
          writer('b', { at: 1, partitions: [1, 0] }),
        ],
      };
    },
  },
  {
    ...two,
    name: 'inline-merge',
    about: 'two merges of two pages of items at two processes, a reader that crosses all zones, and a writer',
    orders,
    removal: {},
    prepare: async (stage) => {
      await inlined(stage);
      await fillPages(stage, 2);
      return {
        actors: [upkeep(0, merging()), upkeep(1, merging()), writer('a', { at: 1 }), reader('r', 0, 3, 1)],
      };
    },
  },
  {
    ...two,
    name: 'inline-delete',
    about: 'merges of items, delete-records to the middle of a page, retention, a reader; at two processes',
    orders,
    removal: {},
    prepare: async (stage) => {
      await inlined(stage);
      await fillLogSegments(stage, 1);
      await fillPages(stage, 2);
      return {
        actors: [
          upkeep(0, merging()),
          deleter(1, 5),
          inTurn(upkeep(1, retaining()), upkeep(1, merging())),
          reader('r', 0, 3, 1),
        ],
      };
    },
  },
  {
    ...two,
    name: 'inline-sweep',
    about: 'a sweep that fences all that is on its way, beside a merge of items, a join, a writer, and a reader',
    orders,
    removal: {},
    prepare: async (stage) => {
      await inlined(stage);
      await fillLogSegments(stage, 2);
      await fillPages(stage, 1);
      return {
        actors: [
          inTurn(upkeep(0, merging()), upkeep(0, joining())),
          upkeep(1, sweeping()),
          writer('a', { at: 0, identity: await newProducer(stage) }),
          reader('r', 0, 3, 0),
        ],
      };
    },
  },
  {
    ...two,
    name: 'inline-setting',
    about:
      'the setting goes off and on beside a writer (3 batches), an evicted producer that repeats, a merge and two sweeps',
    orders,
    removal: {},
    prepare: async (stage) => {
      await inlined(stage);
      const { last, identity } = await evicted(stage, 'once');
      return {
        actors: [
          inTurn(setter(0, 0), upkeep(1, merging()), setter(1, 65_536), upkeep(0, sweeping())),
          writer('a', { at: 1, batches: 3, records: 1, identity: await newProducer(stage) }),
          repeater(last, 1, identity),
          later(100, upkeep(1, sweeping(2))),
        ],
      };
    },
  },
  {
    ...two,
    name: 'inline-recreated',
    about: 'a topic with small appends is deleted, re-created and swept two days later, while late copies may act',
    orders,
    needsCauses: false,
    removal: {},
    prepare: async (stage) => {
      await inlined(stage);
      await fillPages(stage, 1);
      return {
        actors: [
          owner(stage, 0, 2),
          upkeep(1, merging()),
          writer('a', { at: 1 }),
          inTurn(upkeep(0, sweeping()), later(50 * hourMs, upkeep(1, sweeping()))),
        ],
        atRest: probe,
        judge: judgeRecreated,
      };
    },
  },
];
