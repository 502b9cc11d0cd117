// A topic is created, written, read, deleted and re-created under its name, with faults at every step. Each of its
// lives has a history of its own.
import type { Engine } from '../../../../lib/api/engine.ts';
import { RivuletError } from '../../../../lib/api/errors.ts';
import { encodeBatch } from '../../../../lib/record/batch.ts';
import { pauseFor, readAsFarAsPossible, recordsOf, simulatedTopic } from '../clients.ts';
import { type History, newHistory, type Send } from '../history.ts';
import { newSend } from './actors.ts';
import { type Actor, bareEngine, type MutantWorld, prepare, runActors, type SmallWorld } from './small-world.ts';

const timeoutMs = 30_000;

/**
 * The histories by topic id. `doomed` holds the ids that a client tried to delete. `open` holds the sends whose life is
 * unknown: they may lie in any.
 */
type Lives = { readonly of: Map<string, History>; readonly doomed: Set<string>; readonly open: Send[] };

function lifeOf({ of }: Lives, topicId: string): History {
  if (!of.has(topicId)) of.set(topicId, newHistory());
  return of.get(topicId)!;
}

export const topicsWorld: MutantWorld = {
  name: 'a topic that is deleted and re-created',
  async run(lib, seed) {
    const world = prepare(lib, seed, { processes: 3, faultRate: 0.15 });
    const lives: Lives = { of: new Map(), doomed: new Set(), open: [] };
    const writers = Array.from({ length: 3 }, () => writer(lives, 30, 400));
    await runActors(world, [owner(lives, 4, 2_000), ...writers, reader(lives, 30, 300)]);
    return closed(world, lives);
  },
};

const ask = <T>(
  world: SmallWorld,
  operation: (engine: Engine) => Promise<T>,
): Promise<{ reply: T } | { error: unknown } | 'lost'> =>
  world.random.pick(world.processes).request(operation, timeoutMs);

/** Creates the topic and deletes it after a while, again and again. The last one stays. */
const owner =
  (lives: Lives, count: number, pauseMs: number): Actor =>
  async (world) => {
    const topic = simulatedTopic;
    for (let life = 1; ; life++) {
      await until(world, (engine) => engine.createTopic({ topic }), 'TOPIC_ALREADY_EXISTS');
      await pauseFor(world, world.random.below(pauseMs));
      if (life === count) return;
      const found = await until(world, (engine) => engine.describeTopic(topic), 'UNKNOWN_TOPIC_OR_PARTITION');
      if (found) lives.doomed.add(found.topicId);
      const deletion = (engine: Engine) => engine.deleteTopic(topic).then(() => 'deleted');
      const deleted = await until(world, deletion, 'UNKNOWN_TOPIC_OR_PARTITION');
      if (found && deleted) lifeOf(lives, found.topicId).deletedMs = world.scheduler.now();
      await pauseFor(world, world.random.below(500));
    }
  };

/** Asks until it is done. The result is undefined when the answer is that there is nothing to do. */
async function until<T>(
  world: SmallWorld,
  operation: (engine: Engine) => Promise<T>,
  over: string,
): Promise<T | undefined> {
  for (;;) {
    const answer = await ask(world, operation);
    if (answer !== 'lost' && 'reply' in answer) return answer.reply;
    const error = answer === 'lost' ? undefined : answer.error;
    if (error instanceof RivuletError && error.errorCode === over) return undefined;
    // A request that timed out may still be at work.
    await pauseFor(world, answer === 'lost' ? timeoutMs : world.random.below(500));
  }
}

/** A client without a producer id. It sends each batch once, to whatever topic has the name. */
const writer =
  (lives: Lives, sends: number, pauseMs: number): Actor =>
  async (world, client) => {
    for (let order = 0; order < sends; order++) {
      const send = newSend(world, client, order, { idempotent: false });
      const answer = await ask(world, (engine) => append(engine, send));
      send.endedMs = world.scheduler.now();
      const [told, topicId] =
        answer === 'lost' ? ['lost' as const] : 'reply' in answer ? answer.reply : ['unknown' as const];
      send.tries.push(told);
      (topicId === undefined ? lives.open : lifeOf(lives, topicId).sends).push(send);
      await pauseFor(world, world.random.below(pauseMs));
    }
  };

/** Returns the answer, and the topic that gave it if the batch was written there. */
async function append(engine: Engine, send: Send): Promise<[told: Send['tries'][number], topicId?: string]> {
  const records = send.values.map((value) => ({
    key: null,
    value: new TextEncoder().encode(value),
    headers: [],
    timestampMs: send.begunMs,
  }));
  try {
    const request = { topic: simulatedTopic, partitions: [{ partition: 0, batches: encodeBatch(records) }] };
    const { topicId, partitions } = await engine.append(request);
    const answer = partitions[0]!;
    return 'error' in answer ? [answer.error.outcome!] : [answer.baseOffset, topicId];
  } catch (error) {
    return [(error as RivuletError).outcome ?? 'not-written'];
  }
}

const reader =
  (lives: Lives, polls: number, pauseMs: number): Actor =>
  async (world, client) => {
    const request = { topic: simulatedTopic, partitions: [{ partition: 0, offset: 0 }] };
    for (let i = 0; i < polls; i++) {
      const begunMs = world.scheduler.now();
      const answer = await ask(world, (engine) => engine.fetch(request));
      const endedMs = world.scheduler.now();
      const reply = answer !== 'lost' && 'reply' in answer ? answer.reply : undefined;
      const part = reply?.partitions[0];
      if (reply && part && !('error' in part)) {
        const { highWatermark } = part;
        const poll = { client, partition: 0, offset: 0, begunMs, endedMs, highWatermark, records: recordsOf(part) };
        lifeOf(lives, reply.topicId).polls.push(poll);
      }
      await pauseFor(world, world.random.below(pauseMs));
    }
  };

/** The last life is read to its end and must take one more append. The content of a deleted life is unknown. */
async function closed(world: SmallWorld, lives: Lives): Promise<History[]> {
  const engine = bareEngine(world.network);
  const { topicId } = await engine.describeTopic(simulatedTopic).catch(() => ({ topicId: 'none' }));
  const last = lifeOf(lives, topicId);
  const probe = newSend(world, 'probe', 0, { idempotent: false });
  probe.triedMs!.push(world.scheduler.now());
  probe.tries.push((await append(engine, probe))[0]);
  last.sends.push(...lives.open, probe);
  const { log } = await readAsFarAsPossible(engine, 0);
  for (const [id, history] of lives.of) {
    if (id === topicId) history.finalLog.set(0, log);
    else if (!lives.doomed.has(id)) history.finalLog.set(0, []);
  }
  return [...lives.of].map(([id, history]) => (id === topicId ? { ...history, disturbances: [] } : history));
}
