// Small worlds about topics: deleted and made anew, and given another partition, while a process has an old copy of them.
import { RivuletError } from '../../lib/errors.ts';
import { check } from './check/check.ts';
import { simulatedTopic } from './clients.ts';
import { type Actor, persist, writer } from './exhaustive-actors.ts';
import type { Scene, SmallWorld } from './exhaustive-case.ts';
import { racing, two } from './exhaustive-patterns.ts';
import { newProducer, wrote } from './exhaustive-stage.ts';
import type { Send } from './history.ts';

export const topicWorlds: readonly SmallWorld[] = [
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
