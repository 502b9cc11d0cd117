// In these small worlds a topic is deleted and re-created, or given another partition, while a process has an old copy
// of it.

import type { Engine } from '../../../../lib/api/engine.ts';
import { RivuletError } from '../../../../lib/api/errors.ts';
import { createEngine } from '../../../../lib/engine.ts';
import { check } from '../check/check.ts';
import { simulatedTopic } from '../clients.ts';
import type { Send } from '../history.ts';
import { type Actor, type Cast, persist, writer } from './actors.ts';
import type { LogWorld, Scene } from './case.ts';
import { racing, two } from './orders.ts';
import { newProducer, type Stage, stillClock, wrote } from './stage.ts';

export const topics: readonly LogWorld[] = [
  {
    processes: 3,
    partitions: 1,
    name: 'topic-delete',
    about:
      'two of three processes delete a topic and re-create it, the third has an old copy; two writers, 1 batch each',
    orders: [...racing, { name: 'the writers come afterwards', beginMs: [0, 500, 900], paces: [0.5, 0.5] }],
    prepare: async (stage) => {
      for (let i = 0; i < 3; i++) await wrote(stage, `before${i}`);
      return {
        warmUp: knowTopic(1),
        actors: [
          owner(stage, 2, 2),
          writer('a', { at: 1, identity: await newProducer(stage) }),
          writer('b', { at: 1 }),
        ],
        atRest: probe,
        judge: judgeRecreated,
      };
    },
  },
  {
    ...two,
    name: 'topic-recreate',
    about: 'a topic is deleted, re-created and deleted again; a writer at the other process, 1 batch',
    orders: [...racing, { name: 'the writer comes afterwards', beginMs: [0, 500], paces: [0.5, 0.5] }],
    prepare: async (stage) => ({
      warmUp: knowTopic(1),
      actors: [owner(stage, 0, 3), writer('a', { at: 1 })],
      atRest: probe,
      judge: judgeRecreated,
    }),
  },
  {
    ...two,
    name: 'add-partitions',
    about: 'a partition is added; a process with an old copy of the topic takes 2 batches for it, 1 in flight',
    orders: racing,
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

/** Deletes the topic and re-creates it in turn, and begins with a deletion. The process at `at` is asked first. */
export const owner =
  (first: Pick<Stage, 'topicId'>, at: number, steps: number): Actor =>
  async (cast) => {
    let topicId: string | undefined = first.topicId;
    for (let step = 0; step < steps; step++) {
      if (step % 2 === 0) await deleteTopic(cast, at, topicId);
      else topicId = await createTopic(cast, at);
    }
  };

async function deleteTopic(cast: Cast, at: number, topicId: string | undefined): Promise<void> {
  const isGone = (answer: object | 'lost') => isAnswered(answer) || codeOf(answer) === 'UNKNOWN_TOPIC_OR_PARTITION';
  await persist(cast, at, (engine) => engine.deleteTopic(simulatedTopic), isGone);
  if (topicId !== undefined) cast.deletedMs.set(topicId, cast.scheduler.now());
  cast.trace(`the topic ${topicId} is deleted`);
}

/** The id of the new topic. It is undefined when an earlier try made the topic and its answer was lost. */
async function createTopic(cast: Cast, at: number): Promise<string | undefined> {
  let topicId: string | undefined;
  const operation = (engine: Engine) => engine.createTopic({ topic: simulatedTopic });
  await persist(cast, at, operation, (answer) => {
    if (answer !== 'lost' && 'reply' in answer) topicId = answer.reply.topicId;
    return topicId !== undefined || codeOf(answer) === 'TOPIC_ALREADY_EXISTS';
  });
  cast.trace(`the topic ${topicId} is made`);
  return topicId;
}

/** Whatever happened before, the name is free, or its topic takes records. */
export const probe: Actor = async (cast) => {
  const nowMs = cast.scheduler.now();
  const engine = createEngine({ ...cast.stores, clock: stillClock(nowMs, 3) });
  const topic = simulatedTopic;
  const { topicId } = await engine.describeTopic(topic).catch(() => engine.createTopic({ topic }));
  const send = await wrote({ ...cast.stores, engine, topicId, sends: cast.history.sends, atMs: nowMs }, 'probe');
  cast.topicOf.set(send, topicId);
};

const addPartition: Actor = (cast) =>
  persist(cast, 0, (engine) => engine.alterTopic({ topic: simulatedTopic, partitions: 2 }), isAnswered);

/** Nothing of an old topic is in the new one, and nothing acknowledged for the new one is missing from it. */
export function judgeRecreated({ cast, stage, topicId }: Scene) {
  const stories = cast.history.sends.slice(stage.sends.length);
  const isOld = (send: Send) => cast.topicOf.has(send) && cast.topicOf.get(send) !== topicId;
  const forgetful = (send: Send): Send => ({
    ...send,
    tries: send.tries.map((told) => (typeof told === 'number' ? 'lost' : told)),
  });
  const renewed = stories.map((send) => (isOld(send) ? forgetful(send) : send));
  const anomalies = check({ sends: renewed, polls: [], finalLog: cast.history.finalLog });
  const lives = Map.groupBy(stories.filter(isOld), (send) => cast.topicOf.get(send)!);
  const ofOld = [...lives].flatMap(([id, sends]) => {
    const deletedMs = cast.deletedMs.get(id);
    return check({ sends, polls: [], finalLog: new Map(), ...(deletedMs !== undefined && { deletedMs }) });
  });
  return [...anomalies, ...ofOld];
}
