// These races of maintenance are too rare to wait for, so each is told step by step: a pass is held up before one of its
// requests, and others go on meanwhile.
import type { Lib } from '../../core/lib-under-test.ts';
import { type Call, gate, holding } from '../../core/through.ts';
import { notePoll, readAsFarAsPossible, simulatedTopic } from '../clients.ts';
import { type History, newHistory } from '../history.ts';
import { observe } from '../observer.ts';
import { findOrphanTrouble } from '../orphans.ts';
import { batchOf, openStage, type Stage, type Stores, stillClock, wrote } from '../small/stage.ts';
import { compacted, evicted, fillKeyed, fillLogSegments, fillPages, inlined } from '../small/upkeep-stage.ts';
import { compacting, joining, merging, type Pass, retaining, spillingEarly, sweeping } from '../upkeep.ts';
import type { MutantWorld } from './small-world.ts';

const hourMs = 3_600_000;

type Teller = {
  readonly stage: Stage;
  readonly lib: Lib;
  /** Runs a pass of the changed library, over these stores. The default is those of the stage. */
  run(pass: Pass, over?: Partial<Stores>, laterMs?: number): Promise<unknown>;
  deleteRecords(to: number): Promise<void>;
  /** Reads once, and returns the offset at which to go on. */
  read(client: string, offset: number, over?: Partial<Stores>, maxBytes?: number): Promise<number>;
};

const story = (
  name: string,
  tell: (teller: Teller) => Promise<void>,
  { deleteRetentionMs }: { readonly deleteRetentionMs?: number } = {},
): MutantWorld => ({
  name,
  async run(lib) {
    const { stage } = await openStage(1);
    const removal = {
      committed: new Map<number, { offset: number; value: string }[]>(),
      requests: [],
      skewMs: 0,
      finalMs: stage.atMs,
      ...(deleteRetentionMs !== undefined && { deleteRetentionMs }),
    };
    const history: History = { ...newHistory(), sends: stage.sends, damage: [], removal };
    await tell(tellerOf(stage, lib, history));
    for (const [partition, records] of observe(stage, stage.sends).committed) removal.committed.set(partition, records);
    history.finalLog.set(0, (await readAsFarAsPossible(stage.engine, 0)).log);
    history.stores = await findOrphanTrouble({ objects: stage.objects, table: stage.table, sent: [] });
    return [history];
  },
});

function tellerOf(stage: Stage, lib: Lib, history: History): Teller {
  const { objects, table } = stage;
  let seed = 1;
  let readMs = stage.atMs;
  return {
    stage,
    lib,
    run: (pass, over = {}, laterMs = 0) =>
      pass(lib, { objects, table, ...over, clock: stillClock(stage.atMs + laterMs, seed++) }, history),
    async deleteRecords(to) {
      await stage.engine.deleteRecords({ topic: simulatedTopic, partitions: [{ partition: 0, offset: to }] });
      history.removal!.requests.push({ partition: 0, to, begunMs: stage.atMs, endedMs: stage.atMs });
    },
    async read(client, offset, over = {}, maxBytes = 1) {
      const engine = lib.createEngine({ objects, table, ...over, clock: stillClock(stage.atMs, seed++) });
      readMs += 10;
      const seen = { client, partition: 0, offset, begunMs: readMs, endedMs: readMs + 1 };
      const { partitions } = await engine.fetch({
        topic: simulatedTopic,
        partitions: [{ partition: 0, offset }],
        maxBytes,
      });
      return notePoll(history, seen, partitions[0]!);
    },
  };
}

const isTransaction = ({ kind }: Call) => kind === 'transact';
const isReadOfMany = ({ kind }: Call) => kind === 'getMany';

/** Begins a pass, and holds it up before its first request that matches. The result lets it go on to its end. */
async function heldUp({ stage, run }: Teller, pass: Pass, matches: (call: Call) => boolean) {
  const held = gate();
  const running = run(pass, { table: holding(stage.table, onlyFirst(matches), held.pass) });
  await Promise.race([held.reached, running]);
  return async () => {
    held.open();
    await running;
  };
}

function onlyFirst(matches: (call: Call) => boolean): (call: Call) => boolean {
  let isOver = false;
  return (call) => {
    const isFirst = !isOver && matches(call);
    isOver ||= isFirst;
    return isFirst;
  };
}

/** Something happens before the get with this number. */
function beforeGet(
  { objects }: Stage,
  meanwhile: Readonly<Record<number, () => Promise<unknown>>>,
): Pick<Stores, 'objects'> {
  let count = 0;
  return {
    objects: {
      ...objects,
      get: async (key, range) => {
        await meanwhile[count++]?.();
        return objects.get(key, range);
      },
    },
  };
}

export const upkeepStories = {
  readDuringMerge: story('a reader comes before the transaction of a merge', async (teller) => {
    await fillPages(teller.stage, 2);
    const goOn = await heldUp(teller, merging(), isTransaction);
    await teller.read('r', 0);
    await goOn();
  }),

  sweptMerge: story('a merge is held up before its transaction, and a sweep goes by', async (teller) => {
    await fillPages(teller.stage, 2);
    const goOn = await heldUp(teller, merging(), isTransaction);
    await teller.run(sweeping(1));
    await goOn();
  }),

  sweptJoin: story('a join is held up before its transaction, and a sweep goes by', async (teller) => {
    await fillLogSegments(teller.stage, 2);
    const goOn = await heldUp(teller, joining(), isTransaction);
    await teller.run(sweeping(1));
    await goOn();
  }),

  slowJoin: story('a join is slower than delete-records, and than two other joins', async (teller) => {
    await fillLogSegments(teller.stage, 3);
    const goOn = await heldUp(teller, joining(), isTransaction);
    await teller.deleteRecords(2);
    await teller.run(joining());
    await fillLogSegments(teller.stage, 1);
    await teller.run(joining());
    await goOn();
  }),

  slowRetention: story('a join ends while retention is about to delete one of its items', async (teller) => {
    await fillLogSegments(teller.stage, 2);
    const join = await heldUp(teller, joining(), isTransaction);
    await teller.deleteRecords(2);
    const retention = await heldUp(teller, retaining(), ({ kind }) => kind === 'delete');
    await join();
    await retention();
  }),

  goneTwice: story('what a reader is about to get is merged and swept, and then joined and swept', async (teller) => {
    await fillLogSegments(teller.stage, 1);
    await fillPages(teller.stage, 1);
    const merged = () => teller.run(merging()).then(() => teller.run(sweeping(1)));
    const joined = () => teller.run(joining()).then(() => teller.run(sweeping(2)));
    await teller.read('r', 2, beforeGet(teller.stage, { 0: merged, 1: joined }));
  }),

  removedItems: story('the items that a reader is about to get are merged and removed', async (teller) => {
    await inlined(teller.stage);
    await fillPages(teller.stage, 1);
    const table = holding(teller.stage.table, onlyFirst(isReadOfMany), () => teller.run(merging()).then(() => {}));
    await teller.read('r', 0, { table });
  }),

  removedTwice: story(
    'the items that a reader is about to get are merged and removed, and what came of them is joined and swept',
    async (teller) => {
      await inlined(teller.stage);
      await fillLogSegments(teller.stage, 1);
      await fillPages(teller.stage, 1);
      const joined = () => teller.run(joining()).then(() => teller.run(sweeping(1)));
      const table = holding(teller.stage.table, onlyFirst(isReadOfMany), () => teller.run(merging()).then(() => {}));
      await teller.read('r', 2, { table, ...beforeGet(teller.stage, { 0: joined }) });
    },
  ),

  readDuringRetention: story('retention deletes the item that a reader looks for', async (teller) => {
    await fillLogSegments(teller.stage, 2);
    const isLookup = onlyFirst((call) => call.kind === 'query' && call.query.pk.endsWith('/l'));
    const table = holding(teller.stage.table, isLookup, async () => {
      await teller.deleteRecords(3);
      await teller.run(retaining());
    });
    await teller.read('r', 0, { table });
  }),

  oldPages: story('eventual queries do not show the pages yet', async (teller) => {
    const { table } = teller.stage;
    await fillPages(teller.stage, 2);
    const query: Stores['table']['query'] = async (asked) =>
      asked.strong ? table.query(asked) : { items: [], more: false };
    await teller.read('r', 1, { table: { ...table, query } });
  }),

  retryAfterMerge: story('an evicted producer repeats its batch at a new process after a merge', async (teller) => {
    const { stage, lib, run } = teller;
    const { last, identity } = await evicted(stage, 'once');
    await run(merging());
    const engine = lib.createEngine({ ...stage, clock: stillClock(stage.atMs, 77) });
    const part = { partition: 0, batches: batchOf(last.values, stage.atMs, identity) };
    const [answer] = (await engine.append({ topic: simulatedTopic, partitions: [part] })).partitions;
    if (!('error' in answer!)) last.tries.push(answer!.baseOffset);
  }),

  tombstoneSeen: story(
    'a reader stands between a value and its tombstone when the log is compacted',
    async (teller) => {
      await compacted(teller.stage);
      await fillKeyed(teller.stage, [['a'], ['b'], ['c'], ['b', true], ['d']], [['e'], ['f']]);
      let offset = await teller.read('r', 0);
      offset = await teller.read('r', offset);
      await teller.run(compacting());
      for (let i = 0; i < 3; i++) offset = await teller.read('r', offset);
    },
    { deleteRetentionMs: 24 * hourMs },
  ),

  refusedUnit: story(
    'a unit of a compaction is joined with the one below before its swap, and its tombstone goes later',
    async (teller) => {
      const { stage } = teller;
      await compacted(stage, { 'delete.retention.ms': `${hourMs}` });
      await fillKeyed(stage, [['x'], ['y'], ['a'], ['b'], ['z']], [['v'], ['w']]);
      const join = await heldUp(teller, joining(), isTransaction);
      await fillKeyed(stage, [['b', true], ['u']], [['p'], ['q']]);
      const compaction = await heldUp(teller, compacting(), isTransaction);
      await join();
      await compaction();
      await laterPass(teller);
    },
    { deleteRetentionMs: 0 },
  ),

  joinedBehind: story(
    'the unit of a compaction is joined with the next one after it was read',
    async (teller) => {
      const { stage } = teller;
      await compacted(stage, { 'delete.retention.ms': `${hourMs}` });
      await fillKeyed(stage, [['a'], ['x'], ['b'], ['z'], ['y']], [['b', true], ['v']]);
      const join = await heldUp(teller, joining(), isTransaction);
      await fillKeyed(stage, [['w'], ['u']]);
      // The map reads three items first.
      await teller.run(compacting(), beforeGet(stage, { 3: join }));
      await laterPass(teller);
    },
    { deleteRetentionMs: 0 },
  ),

  unpublished: story(
    'a merge is held up before it moves the head, and its log segment is joined and compacted',
    async (teller) => {
      const { stage } = teller;
      await compacted(stage);
      await fillKeyed(stage, [['a'], ['b'], ['c'], ['c'], ['d']]);
      for (const key of ['e', 'f']) await wrote(stage, `w${stage.sends.length}`, { key });
      await teller.run(spillingEarly());
      const isStep = (call: Call) => call.kind === 'update' && (call.update.set ?? []).some(([path]) => path === 'm');
      const goOn = await heldUp(teller, merging(), isStep);
      await teller.run(joining());
      await teller.run(compacting());
      await teller.read('r', 0, {}, 10_000);
      await teller.read('s', 2);
      await goOn();
    },
    { deleteRetentionMs: 24 * hourMs },
  ),

  slowCompaction: story(
    'a compaction is slower than another one that knows more',
    async (teller) => {
      await compacted(teller.stage);
      await fillKeyed(teller.stage, [['a'], ['b'], ['c'], ['a'], ['d']], [['e'], ['f']]);
      const goOn = await heldUp(teller, compacting(), isTransaction);
      await fillKeyed(teller.stage, [['b'], ['g']], [['h'], ['i']], [['j'], ['k']]);
      await teller.run(compacting());
      await teller.read('r', 0);
      await goOn();
      await teller.read('s', 0);
    },
    { deleteRetentionMs: 24 * hourMs },
  ),
};

/** A pass when the delete horizons of the pass before are over. */
async function laterPass(teller: Teller): Promise<void> {
  await wrote(teller.stage, 'more', { key: 'm' });
  await fillKeyed(teller.stage, [['n'], ['o']], [['p'], ['q']]);
  await teller.run(compacting(), {}, 3 * hourMs);
}
