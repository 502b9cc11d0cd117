// The small worlds. Each says what it is made of: processes, partitions, batches, and how many of them are in flight.
import { createEngine } from '../../lib/create-engine.ts';
import { RivuletError } from '../../lib/errors.ts';
import { encodeProducerState, producerAttribute } from '../../lib/log/head.ts';
import { encodeEntry } from '../../lib/record/entry.ts';
import { headKey } from '../../lib/storage/keys.ts';
import type { Table, Write } from '../../lib/storage/table.ts';
import { check } from './check/check.ts';
import { simulatedTopic } from './clients.ts';
import { type Actor, crowd, keyedWriter, pause, persist, reader, repeater, writer } from './exhaustive-actors.ts';
import type { Pattern, Scene, SmallWorld } from './exhaustive-case.ts';
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
} from './exhaustive-stage.ts';
import type { Send } from './history.ts';

/** For one actor: late copies come long after the repeat, or just before it. */
const alone: readonly Pattern[] = [
  { name: 'even', beginMs: [], paces: [0.5, 0.5] },
  { name: 'late copies come soon; stale', beginMs: [], paces: [0.0002, 0.0002], isStale: true },
];

/** For actors at several processes: a call takes 22 ms at an even pace. */
const racing: readonly Pattern[] = [
  { name: 'together', beginMs: [0, 0, 0], paces: [0.5, 0.5, 0.5] },
  { name: 'half a call behind', beginMs: [0, 14, 28], paces: [0.5, 0.5, 0.5] },
  { name: 'three calls behind; stale', beginMs: [0, 70, 35], paces: [0.5, 0.5, 0.5], isStale: true },
  { name: 'the first is slow; clocks differ', beginMs: [0, 0, 0], paces: [0.9, 0.0002, 0.3], skewsMs: [0, -1_200_000] },
  { name: 'the first is fast; stale', beginMs: [0, 0, 0], paces: [0.0002, 0.9, 0.3], isStale: true },
];

const two = { processes: 2, partitions: 1 };

/** A producer whose entries have left the head: it wrote `batches` batches of two records, then others filled the tail. */
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

const appends: readonly SmallWorld[] = [
  {
    ...two,
    name: 'first-append',
    about: 'an idempotent producer, 2 batches, 1 in flight; an empty partition',
    patterns: alone,
    prepare: async (stage) => ({
      actors: [writer('a', { at: 0, batches: 2, identity: await newProducer(stage) })],
    }),
  },
  {
    ...two,
    name: 'next-append',
    about: 'an idempotent producer that wrote before, 1 batch, 1 in flight',
    patterns: alone,
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
    patterns: alone,
    prepare: async (stage) => {
      for (let i = 0; i < 3; i++) await wrote(stage, `before${i}`);
      return { actors: [writer('a', { at: 0, batches: 2 })] };
    },
  },
  {
    ...two,
    name: 'racing-producers',
    about: 'two idempotent producers at two processes, 2 batches and 1, 2 in flight',
    patterns: racing,
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
    patterns: racing,
    // Without an id, a repeat is refused because of its own first copy, of which it cannot know.
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
    patterns: racing,
    prepare: async (stage) => ({
      actors: [writer('a', { at: 0, batches: 2, identity: await newProducer(stage), isAhead: true })],
    }),
  },
  {
    ...two,
    name: 'new-epoch',
    about: 'two lives of one producer: the next batch of the old, the first of the new, at two processes, 2 in flight',
    patterns: racing,
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
    patterns: alone,
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
    patterns: racing,
    prepare: async (stage) => ({
      actors: [
        writer('a', { at: 0, batches: 2, partitions: [0, 1], identity: await newProducer(stage) }),
        writer('b', { at: 1, partitions: [1, 0] }),
      ],
    }),
  },
];

/** Makes the last batch of this producer one of another sequence. */
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

const spills: readonly SmallWorld[] = [
  {
    ...two,
    name: 'spill',
    about: 'an append that spills, and a racing writer without an id (2 batches) at another process, 2 in flight',
    patterns: racing,
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
    patterns: racing,
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
    patterns: racing,
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
    patterns: racing,
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
    patterns: racing,
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
    patterns: racing,
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
    patterns: racing,
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
    patterns: racing,
    prepare: async (stage) => {
      await fillToMark(stage);
      const { next } = await headOf(stage);
      return { actors: [writer('a', { at: 0, batches: 2 }), reader('r', 1, 3, next)] };
    },
  },
];

/** When a crowd comes: before a lost request is repeated, before its late copy acts, and before it acts hours later. */
const crowded: readonly Pattern[] = [
  { name: 'the crowd comes before a repeat', beginMs: [0, 1_500], paces: [0.5, 0.5] },
  { name: 'the crowd comes before a late copy; stale', beginMs: [0, 4_500], paces: [0.5, 0.5], isStale: true },
  { name: 'the crowd comes before a copy hours late', beginMs: [0, 1_800_000], paces: [0.5, 0.5] },
  { name: 'the crowd comes amidst', beginMs: [0, 50], paces: [0.5, 0.5] },
];

/** Who writes while a crowd fills the tail, so that what it wrote has left the head when it asks again. */
/** So that the crowd is small. */
const almostFill = (stage: Stage) => fillToMark(stage, stage.engine, 7);

const crowds: readonly SmallWorld[] = [
  {
    ...two,
    name: 'crowd-first-append',
    about: 'a new producer, 2 batches, 1 in flight, and a crowd that fills the tail in between',
    patterns: crowded,
    prepare: async (stage) => {
      await almostFill(stage);
      return { actors: [writer('a', { at: 0, batches: 2, identity: await newProducer(stage) }), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-return',
    about: 'a producer that was evicted, 2 batches, 1 in flight, and a crowd that evicts it again in between',
    patterns: crowded,
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
    patterns: crowded,
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
    patterns: crowded,
    prepare: async (stage) => {
      await almostFill(stage);
      return { actors: [writer('a', { at: 0 }), crowd(stage)] };
    },
  },
  {
    ...two,
    name: 'crowd-idempotency-key',
    about: 'a request by an Idempotency-Key, and a crowd that fills the tail in between',
    patterns: crowded,
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
    patterns: crowded.map((pattern) => ({ ...pattern, beginMs: [0, 5, ...pattern.beginMs.slice(1)] })),
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

/** A table on which trims are put off, for ever as it seems. */
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

const topics: readonly SmallWorld[] = [
  {
    processes: 3,
    partitions: 1,
    name: 'topic-delete',
    about:
      'of three processes, two delete a topic and make it anew, the third has an old copy; two writers, 1 batch each',
    patterns: [...racing, { name: 'the writers come afterwards', beginMs: [0, 500, 900], paces: [0.5, 0.5] }],
    prepare: async (stage) => {
      for (let i = 0; i < 3; i++) await wrote(stage, `before${i}`);
      return {
        warmUp: knowTopic(1),
        actors: [recreate, writer('a', { at: 1, identity: await newProducer(stage) }), writer('b', { at: 1 })],
        judge: judgeRecreated,
      };
    },
  },
  {
    ...two,
    name: 'add-partitions',
    about: 'a partition is added; a process with an old copy of the topic takes 2 batches for it, 1 in flight',
    patterns: racing,
    needsCauses: false,
    prepare: async (stage) => ({
      warmUp: knowTopic(1),
      actors: [
        addPartition,
        writer('a', { at: 1, batches: 2, partitions: [1], identity: await newProducer(stage) }),
        writer('b', { at: 0, partitions: [1, 0] }),
      ],
    }),
  },
];

const knowTopic =
  (at: number): Actor =>
  async (cast) => {
    const request = { topic: simulatedTopic, partitions: [{ partition: 0, offset: 0 }] };
    await cast.processes[at]!.request((engine) => engine.fetch(request), 30_000);
  };

const codeOf = (answer: object | 'lost') =>
  answer !== 'lost' && 'error' in answer && answer.error instanceof RivuletError ? answer.error.errorCode : undefined;
const isAnswered = (answer: object | 'lost') => answer !== 'lost' && 'reply' in answer;

const recreate: Actor = async (cast) => {
  await persist(
    cast,
    2,
    (engine) => engine.deleteTopic(simulatedTopic),
    (answer) => isAnswered(answer) || codeOf(answer) === 'UNKNOWN_TOPIC_OR_PARTITION',
  );
  cast.history.deletedMs = cast.scheduler.now();
  cast.trace('the topic is deleted');
  await persist(
    cast,
    2,
    (engine) => engine.createTopic({ topic: simulatedTopic }),
    (answer) => isAnswered(answer) || codeOf(answer) === 'TOPIC_ALREADY_EXISTS',
  );
  cast.trace('the topic is made anew');
};

const addPartition: Actor = (cast) =>
  persist(cast, 0, (engine) => engine.alterTopic({ topic: simulatedTopic, partitions: 2 }), isAnswered);

/** Nothing of the old topic is in the new one, and nothing that was acknowledged for the new one is missing from it. */
function judgeRecreated({ cast, stage, topicId }: Scene) {
  const { sends, finalLog, deletedMs } = cast.history;
  const stories = sends.slice(stage.sends.length);
  const isOld = (send: Send) => cast.topicOf.has(send) && cast.topicOf.get(send) !== topicId;
  const forgetful = (send: Send): Send => ({
    ...send,
    tries: send.tries.map((told) => (typeof told === 'number' ? 'lost' : told)),
  });
  const renewed = stories.map((send) => (isOld(send) ? forgetful(send) : send));
  const anomalies = check({ sends: renewed, polls: [], finalLog });
  if (deletedMs === undefined) return anomalies;
  const old = stories.filter(isOld);
  return [...anomalies, ...check({ sends: old, polls: [], finalLog: new Map(), deletedMs })];
}

export const smallWorlds: readonly SmallWorld[] = [...appends, ...spills, ...crowds, ...topics];
