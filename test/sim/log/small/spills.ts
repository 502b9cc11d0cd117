// These small worlds are about spills, evictions and returns. The tail is filled beforehand to one entry below the
// mark, or a crowd fills it between a request and its repeat.
import { createEngine } from '../../../../lib/engine.ts';
import type { Table, Write } from '../../../../lib/storage/table.ts';
import { simulatedTopic } from '../clients.ts';
import type { Send } from '../history.ts';
import { type Actor, crowd, keyedWriter, pause, reader, repeater, writer } from './actors.ts';
import type { LogWorld } from './case.ts';
import { crowded, racing, two } from './orders.ts';
import {
  after,
  fillToMark,
  headOf,
  type Identity,
  newProducer,
  type Stage,
  startMs,
  stillClock,
  wrote,
} from './stage.ts';

/**
 * A producer whose entries have left the head: it wrote `batches` batches of two records, and then others filled the
 * tail.
 */
async function evicted(stage: Stage, client: string, batches: number): Promise<{ identity: Identity; last: Send }> {
  let identity = await newProducer(stage);
  let last: Send | undefined;
  for (let i = 0; i < batches; i++) {
    last = await wrote(stage, client, { identity, records: 2 });
    identity = after(identity, 2);
  }
  await spillOnce(stage);
  return { identity, last: last! };
}

async function spillOnce(stage: Stage): Promise<void> {
  await fillToMark(stage);
  for (let i = 0; i < 4; i++) await wrote(stage, `spiller${stage.sends.length}`);
  if ((await headOf(stage)).tailBase === 0) throw new Error('the stage was to spill');
}

export const spills: readonly LogWorld[] = [
  {
    ...two,
    name: 'spill',
    about: 'an append that spills, and a racing writer without an id (2 batches) at another process, 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      await fillToMark(stage);
      return {
        actors: [writer('a', { at: 0, identity: await newProducer(stage) }), writer('b', { at: 1, batches: 2 })],
      };
    },
  },
  {
    ...two,
    name: 'spill-evicts',
    about: 'an append that spills and evicts a producer, which sends 2 batches at another process, 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      const identity = await newProducer(stage);
      await wrote(stage, 'b', { identity, records: 2 });
      await fillToMark(stage);
      return {
        actors: [
          writer('a', { at: 0, batches: 2 }),
          writer('b', { at: 1, batches: 2, identity: after(identity, 2), order: 1 }),
        ],
      };
    },
  },
  {
    ...two,
    name: 'return-after-eviction',
    about: 'a producer that was evicted sends 2 batches, while another writer (2 batches) spills again, 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      const { identity } = await evicted(stage, 'b', 2);
      await fillToMark(stage);
      return {
        actors: [writer('b', { at: 1, batches: 2, identity, order: 2 }), writer('a', { at: 0, batches: 2 })],
      };
    },
  },
  {
    ...two,
    name: 'late-newcomer',
    about:
      'a producer with an old id that never wrote, and a repeat of an evicted one-batch producer, while one spills',
    orders: racing,
    prepare: async (stage) => {
      const late = await newProducer(stage);
      const { last } = await evicted(stage, 'once', 1);
      await fillToMark(stage);
      const once: Identity = { ...late, producerId: late.producerId + 1 };
      return {
        actors: [
          writer('late', { at: 0, identity: late }),
          repeater(last, 1, once),
          writer('a', { at: 1, identity: await newProducer(stage) }),
        ],
      };
    },
  },
  {
    ...two,
    name: 'idempotency-key',
    about: 'a new request by an Idempotency-Key, and a repeat of one that was evicted, while it spills; 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      const past = await wroteByKey(stage, 'keyed');
      await spillOnce(stage);
      await fillToMark(stage);
      return { actors: [keyedWriter('new', 0), keyedWriter('keyed', 1, past)] };
    },
  },
  {
    ...two,
    name: 'rescue-spill',
    about: 'a page was put by a writer that sleeps before its trim; two writers carry the tail over the next mark',
    orders: racing,
    prepare: async (stage) => {
      const identity = await newProducer(stage);
      await wrote(stage, 'b', { identity, records: 2 });
      await fillToMark(stage);
      const asleep = sleepingTrims(stage.table);
      const clock = stillClock(startMs - 60_000, 3);
      const spiller = createEngine({ objects: stage.objects, table: asleep.table, clock });
      await wrote(stage, 'spiller', { engine: spiller });
      await fillToMark(stage, spiller);
      return {
        actors: [
          writer('a', { at: 0, batches: 2 }),
          writer('b', { at: 1, identity: after(identity, 2), order: 1 }),
          wakeUp(asleep.trims),
        ],
      };
    },
  },
  {
    ...two,
    name: 'fetch-during-spill',
    about: 'a reader that crosses from the pages to the tail (2 fetches), while a writer spills (1 batch), 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      await spillOnce(stage);
      await fillToMark(stage);
      const { tailBase } = await headOf(stage);
      const identity = await newProducer(stage);
      return { actors: [writer('a', { at: 0, identity }), reader('r', 1, 2, tailBase - 2)] };
    },
  },
  {
    ...two,
    name: 'wait-during-spill',
    about: 'a reader that waits at the end (3 fetches), while a writer spills (2 batches), 2 in flight',
    orders: racing,
    prepare: async (stage) => {
      await fillToMark(stage);
      const { next } = await headOf(stage);
      return { actors: [writer('a', { at: 0, batches: 2 }), reader('r', 1, 3, next)] };
    },
  },
];

// In the worlds below a client writes while a crowd fills the tail, so its write has left the head when it asks again.

/** Fills the tail beforehand, so that the crowd can be small. */
const almostFill = (stage: Stage) => fillToMark(stage, stage.engine, 7);

export const crowds: readonly LogWorld[] = [
  {
    ...two,
    name: 'crowd-first-append',
    about: 'a new producer, 2 batches, 1 in flight, and a crowd that fills the tail in between',
    orders: crowded,
    prepare: async (stage) => {
      await almostFill(stage);
      return { actors: [writer('a', { at: 0, batches: 2, identity: await newProducer(stage) }), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-return',
    about: 'a producer that was evicted, 2 batches, 1 in flight, and a crowd that evicts it again in between',
    orders: crowded,
    prepare: async (stage) => {
      const { identity } = await evicted(stage, 'a', 1);
      await almostFill(stage);
      return { actors: [writer('a', { at: 0, batches: 2, identity, order: 1 }), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-late-newcomer',
    about: 'a producer with an old id that never wrote, 1 batch, and a crowd that fills the tail in between',
    orders: crowded,
    prepare: async (stage) => {
      const identity = await newProducer(stage);
      await evicted(stage, 'before', 1);
      await almostFill(stage);
      return { actors: [writer('a', { at: 0, identity }), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-anonymous',
    about: 'a writer without an id, 1 batch, and a crowd that fills the tail in between',
    orders: crowded,
    prepare: async (stage) => {
      await almostFill(stage);
      return { actors: [writer('a', { at: 0 }), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-idempotency-key',
    about: 'a request by an Idempotency-Key, and a crowd that fills the tail in between',
    orders: crowded,
    prepare: async (stage) => {
      await almostFill(stage);
      return { actors: [keyedWriter('new', 0), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-expected-offset',
    about:
      'conditional appends with a producer id and without, 2 in flight, and a crowd that fills the tail in between',
    orders: crowded.map((order) => ({ ...order, beginMs: [0, 5, ...order.beginMs.slice(1)] })),
    needsCauses: false,
    prepare: async (stage) => {
      await almostFill(stage);
      const { next: expectedOffset } = await headOf(stage);
      const identity = await newProducer(stage);
      return {
        actors: [
          writer('a', { at: 0, identity, expectedOffset }),
          writer('b', { at: 1, expectedOffset }),
          crowd(stage),
        ],
      };
    },
  },
];

async function wroteByKey(stage: Stage, client: string): Promise<Send> {
  const values = [`${client}/0/0.0`, `${client}/0/0.1`];
  const records = values.map((value) => ({
    partition: 0,
    key: null,
    value: new TextEncoder().encode(value),
    headers: [],
  }));
  const reply = await stage.engine.appendRecords({ topic: simulatedTopic, idempotencyKey: values[0]!, records });
  const first = reply.records[0]!;
  if ('error' in first) throw first.error;
  const begunMs = startMs - 60_000;
  const told = { tries: [first.offset], begunMs, endedMs: begunMs };
  const send: Send = { client, order: 0, partition: 0, values, idempotent: true, ...told };
  stage.sends.push(send);
  return send;
}

/** A table on which trims are put off, for ever as it seems to the caller. */
function sleepingTrims(table: Table): { table: Table; trims: Write[] } {
  const trims: Write[] = [];
  const write: Table['write'] = async (one) => {
    if (one.kind !== 'update' || !one.update.trim) return table.write(one);
    trims.push(one);
    return { applied: false, old: undefined };
  };
  return { table: { ...table, write }, trims };
}

const wakeUp =
  (writes: readonly Write[]): Actor =>
  async (cast) => {
    await pause(cast, 50);
    for (const write of writes) await cast.stores.table.write(write);
    cast.trace('the sleeping trim acts');
  };
