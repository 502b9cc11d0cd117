// In these small worlds maintenance works beside writers, readers and itself. Pages hold two entries, batches hold one or
// two records, and each merge makes a log segment of its own, so that few records have every kind of neighbour.
import { realLib } from '../../core/lib-under-test.ts';
import { simulatedTopic } from '../clients.ts';
import { cleaningPages, compacting, joining, merging, type Pass, retaining, sweeping } from '../upkeep.ts';
import { type Actor, pause, persist, reader, repeater, writer } from './actors.ts';
import type { LogWorld } from './case.ts';
import { racing, two } from './orders.ts';
import { earlier, newProducer } from './stage.ts';
import { judgeRecreated, owner, probe } from './topics.ts';
import { compacted, evicted, fillKeyed, fillLogSegments, fillPages, runPass } from './upkeep-stage.ts';

export const hourMs = 3_600_000;

// --- actors

/** Runs a pass until a process has ended it. */
export const upkeep =
  (at: number, pass: Pass): Actor =>
  async (cast) => {
    await persist(
      cast,
      at,
      (_engine, ports) => pass(realLib, ports, cast.history),
      (answer) => {
        const isDone = answer !== 'lost' && 'reply' in answer;
        cast.trace(
          `upkeep: ${isDone ? JSON.stringify(answer.reply) : answer === 'lost' ? answer : String(answer.error)}`,
        );
        return isDone;
      },
    );
  };

export const deleter =
  (at: number, to: number): Actor =>
  async (cast) => {
    const request = { partition: 0, to, begunMs: cast.scheduler.now() };
    const { requests } = cast.history.removal!;
    requests.push(request);
    await persist(
      cast,
      at,
      (engine) => engine.deleteRecords({ topic: simulatedTopic, partitions: [{ partition: 0, offset: to }] }),
      (answer) => {
        const result = answer !== 'lost' && 'reply' in answer ? answer.reply.partitions[0]! : undefined;
        const isDone = result !== undefined && !('error' in result);
        if (isDone) requests.splice(requests.indexOf(request), 1, { ...request, endedMs: cast.scheduler.now() });
        return isDone;
      },
    );
  };

export const inTurn =
  (...actors: readonly Actor[]): Actor =>
  async (cast) => {
    for (const actor of actors) await actor(cast);
  };

export const later =
  (ms: number, actor: Actor): Actor =>
  async (cast) => {
    await pause(cast, ms);
    await actor(cast);
  };

/** Two processes come beside each other in every order, and readers between them. */
export const orders = racing.map((order) => ({ ...order, beginMs: [...order.beginMs, 40] }));

export const maintenance: readonly LogWorld[] = [
  {
    ...two,
    name: 'merge',
    about: 'two merges of two pages at two processes, a reader that crosses all zones, and a writer (1 batch)',
    orders,
    removal: {},
    prepare: async (stage) => {
      await fillPages(stage, 2);
      return {
        actors: [upkeep(0, merging()), upkeep(1, merging()), writer('a', { at: 1 }), reader('r', 0, 3, 1)],
      };
    },
  },
  {
    ...two,
    name: 'merge-and-retry',
    about:
      'a merge, a page cleaner, an evicted producer that repeats its batch, and one that never wrote, at two processes',
    orders,
    removal: {},
    prepare: async (stage) => {
      const newcomer = await newProducer(stage);
      const { last, identity } = await evicted(stage, 'once');
      return {
        actors: [
          inTurn(upkeep(0, merging()), upkeep(1, cleaningPages())),
          repeater(last, 1, identity),
          later(60, writer('late', { at: 0, identity: newcomer })),
        ],
      };
    },
  },
  {
    ...two,
    name: 'clean-pages',
    about: 'two page cleaners, expired producers below younger ones, one of which repeats its batch; a merge',
    orders,
    removal: {},
    prepare: async (stage) => {
      await fillPages(earlier(stage, 40 * hourMs), 2);
      const newcomer = await newProducer(stage);
      const { last, identity } = await evicted(earlier(stage, 5 * hourMs), 'once');
      await runPass(stage, merging());
      await fillPages(stage, 1);
      return {
        actors: [
          upkeep(0, cleaningPages()),
          upkeep(1, cleaningPages()),
          inTurn(repeater(last, 1, identity), writer('late', { at: 0, identity: newcomer })),
          upkeep(1, merging()),
        ],
      };
    },
  },
  {
    ...two,
    name: 'join-and-delete',
    about: 'two joins of three log segments, delete-records to the middle of one, a reader; at two processes',
    orders,
    removal: {},
    prepare: async (stage) => {
      await fillLogSegments(stage, 3);
      return {
        actors: [
          upkeep(0, joining()),
          deleter(1, 3),
          inTurn(upkeep(1, joining()), upkeep(0, retaining())),
          reader('r', 0, 3, 1),
        ],
      };
    },
  },
  {
    ...two,
    name: 'merge-below-start',
    about: 'delete-records to the middle of a page, merges, and retention, at two processes; a reader',
    orders,
    removal: {},
    prepare: async (stage) => {
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
    name: 'retention',
    about: 'retention at two processes over old log segments and old pages, a join, and a reader',
    orders,
    removal: { retentionMs: 2 * hourMs },
    prepare: async (stage) => {
      await stage.engine.alterTopic({ topic: simulatedTopic, config: { 'retention.ms': `${2 * hourMs}` } });
      await fillLogSegments(earlier(stage, 9 * hourMs), 2);
      await fillPages(earlier(stage, 8 * hourMs), 1);
      await fillPages(stage, 2);
      return {
        actors: [
          upkeep(0, retaining()),
          inTurn(upkeep(1, joining()), upkeep(1, retaining())),
          upkeep(0, merging()),
          reader('r', 1, 3, 1),
        ],
      };
    },
  },
  {
    ...two,
    name: 'sweep',
    about:
      'a sweep that fences all that is on its way, beside a merge, a join, a writer, and a reader with an old plan',
    orders,
    removal: {},
    prepare: async (stage) => {
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
    name: 'sweep-twice',
    about: 'two sweeps beside a join and delete-records; a reader with an old plan',
    orders,
    removal: {},
    prepare: async (stage) => {
      await fillLogSegments(stage, 3);
      return {
        actors: [
          inTurn(upkeep(0, joining()), upkeep(0, sweeping(2))),
          upkeep(1, sweeping()),
          inTurn(deleter(0, 3), upkeep(1, retaining())),
          reader('r', 0, 3, 0),
        ],
      };
    },
  },
  {
    ...two,
    name: 'compact',
    about: 'two compactions of three log segments at two processes, a join, a merge, a writer, and a reader',
    orders,
    removal: { deleteRetentionMs: 24 * hourMs },
    prepare: async (stage) => {
      await compacted(stage);
      await fillKeyed(stage, [['a'], ['b'], ['c'], ['a'], ['b', true]], [['a'], ['c']], [['b'], ['d']], [['e'], ['a']]);
      await fillKeyed(stage);
      return {
        actors: [
          upkeep(0, compacting()),
          upkeep(1, compacting()),
          inTurn(upkeep(1, joining()), writer('w', { at: 0, key: 'a', records: 1 })),
          reader('r', 0, 3, 0),
        ],
      };
    },
  },
  {
    ...two,
    name: 'tombstones',
    about: 'two compactions when the horizon of a tombstone is over, a join, a younger tombstone, and a reader',
    orders,
    removal: { deleteRetentionMs: hourMs },
    prepare: async (stage) => {
      await compacted(stage, { 'delete.retention.ms': `${hourMs}` });
      const before = earlier(stage, 9 * hourMs);
      await fillKeyed(before, [['a'], ['b'], ['c'], ['b', true], ['d']], [['e'], ['f']]);
      await runPass(earlier(stage, 8 * hourMs), compacting());
      await fillKeyed(stage, [['a', true], ['g']], [['h'], ['b']]);
      return {
        actors: [upkeep(0, compacting()), upkeep(1, compacting()), upkeep(1, joining()), reader('r', 0, 3, 0)],
      };
    },
  },
  {
    processes: 2,
    partitions: 1,
    name: 'sweep-recreated',
    about: 'a topic with log segments is deleted, re-created and swept two days later, while an old merge may act',
    orders,
    needsCauses: false,
    removal: {},
    prepare: async (stage) => {
      await fillLogSegments(stage, 1);
      await fillPages(stage, 1);
      const days = 50 * hourMs;
      return {
        actors: [
          owner(stage, 0, 2),
          upkeep(1, merging()),
          writer('a', { at: 1 }),
          inTurn(upkeep(0, sweeping()), later(days, upkeep(1, sweeping()))),
        ],
        atRest: probe,
        judge: judgeRecreated,
      };
    },
  },
];
