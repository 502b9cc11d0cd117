// These are the actors of worlds with maintenance: passes of every kind, spills that come early, so that pages are small,
// requests to delete records, and writers of keys.
import { createLogContext } from '../../../../lib/log/context.ts';
import { spill } from '../../../../lib/log/spill.ts';
import { parseHead } from '../../../../lib/partition/head.ts';
import { headKey } from '../../../../lib/storage/keys.ts';
import { createTopics } from '../../../../lib/topic/topics.ts';
import { pauseFor, simulatedTopic } from '../clients.ts';
import { batchOf } from '../small/stage.ts';
import type { Pass } from '../upkeep.ts';
import { type Act, deliver, newSend } from './actors.ts';
import type { Actor } from './small-world.ts';

/** A pass may be slow. Whoever asked for it does not wait for ever, and begins another one beside it. */
const passTimeoutMs = 60_000;

/** Runs one of the passes at any process, again and again. */
export const maintainer =
  (count: number, pauseMs: number, passes: readonly Pass[]): Actor =>
  async (world, client) => {
    for (let i = 0; i < count; i++) {
      await pauseFor(world, world.random.below(pauseMs));
      const pass = world.random.pick(passes);
      const process = world.random.pick(world.processes);
      const answer = await process.request((_engine, ports) => pass(world.lib, ports, world.history), passTimeoutMs);
      const told = answer === 'lost' ? answer : 'error' in answer ? String(answer.error) : JSON.stringify(answer.reply);
      world.trace(`${client} ${told}`);
    }
  };

/** Leaves three entries in the tail, like any spill. */
export const spillEarly: Pass = async (_lib, { objects, table, clock }) => {
  const { topicId } = await createTopics(table, clock).resolve({ topic: simulatedTopic });
  const item = await table.get(headKey(topicId, 0), { strong: true });
  const head = item && parseHead(item);
  if (!head || head.tail.length < entriesLeft + 2) return;
  await spill(createLogContext({ objects, table, clock }), { topicId, partition: 0 }, head);
};

const entriesLeft = 3;

/** Asks for the deletion of records below an offset that is mostly in the log. */
export const deleter =
  (count: number, pauseMs: number): Actor =>
  async (world) => {
    const { requests } = world.history.removal!;
    for (let i = 0; i < count; i++) {
      await pauseFor(world, world.random.below(pauseMs));
      const { offset, logStart } = await endsOf(world);
      const to = logStart + world.random.below(Math.max(1, Math.ceil((offset - logStart) / 2)));
      const request = { partition: 0, to, begunMs: world.scheduler.now() };
      requests.push(request);
      const process = world.random.pick(world.processes);
      const partitions = [{ partition: 0, offset: to }];
      const answer = await process.request(
        (engine) => engine.deleteRecords({ topic: simulatedTopic, partitions }),
        passTimeoutMs,
      );
      const result = answer !== 'lost' && 'reply' in answer ? answer.reply.partitions[0]! : undefined;
      if (result && !('error' in result)) Object.assign(request, { endedMs: world.scheduler.now() });
    }
  };

async function endsOf({ processes, random }: Parameters<Actor>[0]): Promise<{ offset: number; logStart: number }> {
  const ask = async (at: 'earliest' | 'latest') => {
    const request = { topic: simulatedTopic, at, partitions: [0] };
    const answer = await random.pick(processes).request((engine) => engine.offsets(request), passTimeoutMs);
    return answer !== 'lost' && 'reply' in answer ? answer.reply.partitions[0]!.offset : 0;
  };
  return { logStart: await ask('earliest'), offset: await ask('latest') };
}

/** Writes records of a few keys, one batch at a time. One in four is a tombstone. */
export const keyWriter =
  (sends: number, pauseMs: number, keys: readonly string[]): Actor =>
  async (world, client) => {
    for (let order = 0; order < sends; order++) {
      const plain = newSend(world, client, order, { idempotent: false });
      const tombstones = plain.values.filter(() => world.random.chance(0.25));
      const send = { ...plain, keys: plain.values.map(() => world.random.pick(keys)), tombstones };
      const batches = batchOf(send.values, send.begunMs, undefined, send);
      const act: Act = async (engine) => {
        const part = { partition: 0, batches: Buffer.from(batches) };
        const [answer] = (await engine.append({ topic: simulatedTopic, partitions: [part] })).partitions;
        return 'error' in answer! ? answer : { offset: answer!.baseOffset };
      };
      await deliver(world, send, act, 1);
      await pauseFor(world, world.random.below(pauseMs));
    }
  };
