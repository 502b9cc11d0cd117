// These are the actors of worlds with maintenance: passes of every kind, requests to delete records, and writers of keys.
import { pauseFor, simulatedTopic } from '../clients.ts';
import { batchOf } from '../small/stage.ts';
import type { Pass } from '../upkeep.ts';
import { askFor, deleteSome } from '../upkeep-clients.ts';
import { type Act, deliver, newSend } from './actors.ts';
import type { Actor } from './small-world.ts';

/** Runs one of the passes at any process, again and again. */
export const maintainer =
  (count: number, pauseMs: number, passes: readonly Pass[]): Actor =>
  async (world) => {
    for (let i = 0; i < count; i++) {
      await pauseFor(world, world.random.below(pauseMs));
      await askFor(world, world.lib, world.random.pick(passes));
    }
  };

export const deleter =
  (count: number, pauseMs: number): Actor =>
  async (world) => {
    for (let i = 0; i < count; i++) {
      await pauseFor(world, world.random.below(pauseMs));
      await deleteSome(world, 0);
    }
  };

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
