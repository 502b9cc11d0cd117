// These races and misfortunes are too rare to wait for, so each is told step by step.
import { headKey, pagesPartition, topicKey } from '../../../../lib/storage/keys.ts';
import { StorageError } from '../../../../lib/storage/storage-error.ts';
import type { Item, Key, Table } from '../../../../lib/storage/table.ts';
import type { Lib } from '../../core/lib-under-test.ts';
import { gate, holding, through } from '../../core/through.ts';
import type { History } from '../history.ts';
import type { MutantWorld } from './small-world.ts';
import { isAppend, isTrim, openStage, type Stage, topic } from './stage.ts';

/** `seed` shifts the step that the story wants to vary. */
export const story = (name: string, tell: (stage: Stage, lib: Lib, seed: number) => Promise<void>): MutantWorld => ({
  name,
  async run(lib, seed): Promise<readonly History[]> {
    const stage = await openStage(lib);
    await tell(stage, lib, seed);
    return [await stage.close()];
  },
});

async function pagesOf({ table, topicId }: Stage): Promise<readonly Item[]> {
  return (await table.query({ pk: pagesPartition(topicId, 0), strong: true })).items;
}

/** Fills the tail, and holds back the trim that follows. */
async function trimHeldBack(stage: Stage) {
  const trim = gate();
  const filling = stage.crowd(stage.engineOver(holding(stage.table, isTrim, trim.pass)), 40);
  await trim.reached;
  return async () => {
    trim.open();
    await filling;
  };
}

/**
 * A table on which the first append (since `isOn`) lands, then `meanwhile` happens, and the reply of the append is
 * lost.
 */
function losingFirstReply(stage: Stage, lib: Lib, meanwhile: () => Promise<unknown>, isOn = () => true): Table {
  let lost = false;
  const lossy = through(stage.table, async (call, act) => {
    if (!isAppend(call) || lost || !isOn()) return act();
    lost = true;
    await act();
    await meanwhile();
    throw new StorageError('no-answer', 'the reply is lost');
  });
  return lib.retryingTable(lossy, stage.clock);
}

export const stories = {
  heldTrim: story('a trim is planned, a copy lands, the trim happens, the copy is sent again', async (stage, lib) => {
    const producerId = await stage.producer();
    // A newer producer has come and gone, so the id alone does not tell that this producer is new.
    await stage.send(stage.real, { values: ['newer'], producerId: await stage.producer(), sequence: 0 });
    await stage.crowd(stage.real, 40);
    await stage.send(stage.real, { values: ['first'], producerId, sequence: 0 });
    const trim = await trimHeldBack(stage);
    const engine = stage.engineOver(losingFirstReply(stage, lib, trim));
    await stage.send(engine, { values: ['second'], producerId, sequence: 1 });
  }),

  slowLook: story(
    'a held trim again, and a history newer than the head that a waiting batch looked at',
    async (stage, lib) => {
      const producerId = await stage.producer();
      await stage.send(stage.real, { values: ['first'], producerId, sequence: 0 });
      await stage.crowd(stage.real, 40);
      const look = gate();
      let isThird = false;
      let isWaiting = false;
      let isLossy = false;
      const lossy = losingFirstReply(
        stage,
        lib,
        () => trim(),
        () => isLossy,
      );
      const slow = through(lossy, async (call, act) => {
        const result = await act();
        const isLook = isWaiting && call.kind === 'get' && call.key.sk === headKey(stage.topicId, 0).sk;
        isWaiting = !isLook && (isWaiting || (isThird && isAppend(call)));
        if (isLook) await look.pass();
        return result;
      });
      const engine = stage.engineOver(slow);
      // A client with a gap makes the process learn the history. Then the producer's third batch waits for the second, and
      // the answer to its look at the head is slow.
      await stage.send(engine, { values: ['stranger'], producerId: await stage.producer(), sequence: 5 });
      isThird = true;
      const third = stage.send(engine, { values: ['third'], producerId, sequence: 2 });
      await look.reached;
      isThird = false;
      await stage.send(stage.real, { values: ['second'], producerId, sequence: 1 });
      const trim = await trimHeldBack(stage);
      await stage.crowd(engine, 1);
      isLossy = true;
      look.open();
      await third;
    },
  ),

  lostPage: story('a page of the index is gone: nothing is taken for new, nothing is skipped', async (stage) => {
    const engines = Array.from({ length: 6 }, () => stage.engineOver(stage.table));
    const early = { values: ['early'], producerId: await stage.producer(), sequence: 0 };
    const later = { values: ['later'], producerId: await stage.producer(), sequence: 0 };
    await stage.send(stage.real, early);
    await stage.crowd(stage.real, 50);
    // Clients with a gap make the processes learn the history, as far as it goes by now.
    for (const engine of engines)
      await stage.send(engine, { values: ['stranger'], producerId: await stage.producer(), sequence: 7 });
    await stage.send(stage.real, later);
    await stage.crowd(stage.real, 80);
    for (const gone of await pagesOf(stage)) {
      await stage.table.write({ kind: 'delete', key: { pk: gone.pk, sk: gone.sk } });
      for (const from of [0, Number(gone.sk), Number(gone.sk) + 2])
        await stage.poll(stage.engineOver(stage.table), from, 0);
      for (const engine of [engines.pop()!, stage.engineOver(stage.table)]) {
        await stage.send(engine, early);
        await stage.send(engine, later);
      }
      await stage.table.write({ kind: 'put', item: gone });
    }
  }),

  sleepers: story('requests sleep for thirty hours between upload and sequencing', async (stage) => {
    const sleepers = Array.from({ length: 80 }, (_, i) => {
      const nap = gate();
      const engine = stage.engineOver(sleepingReads(stage.table, nap.pass, headKey(stage.topicId, 0)));
      return { nap, sent: stage.send(engine, { values: [`sleeper${i}`] }) };
    });
    await new Promise((resolve) => setImmediate(resolve));
    stage.clock.advance(30 * 3_600_000);
    const first = { values: ['first'], producerId: await stage.producer(), sequence: 0 };
    await stage.send(stage.real, first);
    await stage.crowd(stage.real, 30);
    for (const { nap, sent } of sleepers) {
      nap.open();
      await sent;
    }
    await stage.send(stage.engineOver(stage.table), first);
  }),

  sleepsBeforeAdmission: story('a request sleeps for thirty hours before it is admitted', async (stage) => {
    const nap = gate();
    const once = { values: ['once'], producerId: await stage.producer(), sequence: 0 };
    const slept = stage.send(stage.engineOver(sleepingReads(stage.table, nap.pass, topicKey(topic))), once);
    await nap.reached;
    await stage.send(stage.real, once);
    await stage.crowd(stage.real, 150);
    stage.clock.advance(30 * 3_600_000);
    nap.open();
    await slept;
  }),

  lostReplyAndSpill: story(
    'an append lands, its reply is lost, the tail spills, and it is sent again',
    async (stage, lib) => {
      await stage.crowd(stage.real, 10);
      const engine = stage.engineOver(losingFirstReply(stage, lib, () => stage.crowd(stage.real, 90)));
      await stage.send(engine, { values: ['mine'] });
    },
  ),

  lostReplyAndThrottled: story(
    'an append lands, its reply is lost, and then the table has no time',
    async (stage, lib) => {
      let isLost = false;
      const busy = through(stage.table, async (call, act) => {
        if (!isAppend(call)) return act();
        if (isLost) throw new StorageError('throttled', 'no time');
        isLost = true;
        await act();
        throw new StorageError('no-answer', 'the reply is lost');
      });
      await stage.send(stage.engineOver(lib.retryingTable(busy, stage.clock)), { values: ['mine'] });
    },
  ),

  tightTail: story(
    'a returning producer is among the last of a tail that spills, and its reply is lost',
    async (stage, lib, seed) => {
      const producerId = await stage.producer();
      await stage.send(stage.real, { values: ['first'], producerId, sequence: 0 });
      await stage.crowd(stage.real, 40 + seed);
      const engine = stage.engineOver(
        losingFirstReply(stage, lib, () => stage.crowd(stage.engineOver(stage.table), 2)),
      );
      await stage.send(engine, { values: ['second'], producerId, sequence: 1 });
    },
  ),

  keyedSleeper: story('a request claims its Idempotency-Key and sleeps, and is repeated meanwhile', async (stage) => {
    const nap = gate();
    const slow = through(stage.table, async (call, act) => {
      const result = await act();
      if (call.kind === 'put' && call.item.pk.startsWith('once/')) await nap.pass();
      return result;
    });
    const once = { values: ['once'], key: 'k' };
    const sleeper = stage.engineOver(slow);
    const first = stage.send(sleeper, once);
    await nap.reached;
    await stage.send(stage.real, once);
    await stage.crowd(stage.real, 40);
    // The same process serves another request meanwhile, and so it has seen a newer head.
    await stage.crowd(sleeper, 1);
    nap.open();
    await first;
  }),

  twiceInOnePart: story('a part holds the same batch twice', async (stage) => {
    const batch = { values: ['first'], producerId: await stage.producer(), sequence: 0 };
    await stage.send(stage.engineOver(stage.table), batch, batch);
  }),

  strangersInOnePart: story('a part holds batches of two producers, one of which repeats its own', async (stage) => {
    const engine = stage.engineOver(stage.table);
    const mine = { values: ['mine'], producerId: await stage.producer(), sequence: 0 };
    const other = { values: ['other'], producerId: await stage.producer(), sequence: 1 };
    await stage.send(engine, mine, other);
    await stage.send(engine, { ...other, sequence: 0 });
  }),

  gapInOnePart: story('a part skips a sequence number, and then it comes', async (stage) => {
    const engine = stage.engineOver(stage.table);
    const producerId = await stage.producer();
    await stage.send(
      engine,
      { values: ['first'], producerId, sequence: 0 },
      { values: ['third'], producerId, sequence: 2 },
    );
    await stage.send(engine, { values: ['second'], producerId, sequence: 1 });
  }),
};

/** Reads of one item wait until the process wakes up. */
const sleepingReads = (table: Table, nap: () => Promise<void>, { pk, sk }: Key): Table =>
  holding(table, (call) => call.kind === 'get' && call.key.pk === pk && call.key.sk === sk, nap);
