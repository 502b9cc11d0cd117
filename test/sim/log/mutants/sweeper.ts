// Sweeps, with a pause before each request. Their epochs run ahead of every clock. So each pass fences everything that
// is on its way, and if a sweep can lose anything, this one does.

import { segmentEpochAt } from '../../../../lib/partition/head.ts';
import { passOver } from '../../../maintenance/pass.ts';
import { pauseFor, simulatedTopic } from '../clients.ts';
import { type Actor, clockOf, type SmallWorld } from './small-world.ts';

export const sweeper =
  (passes: number, pauseMs: number): Actor =>
  async (world) => {
    for (let pass = 1; pass <= passes; pass++) {
      await pauseFor(world, world.random.below(pauseMs));
      const { incomplete, refusal } = await world.lib.sweep(slowContext(world), {
        epoch: segmentEpochAt(world.scheduler.now()) + pass,
      });
      if (incomplete ?? refusal) throw new Error(incomplete ?? refusal);
    }
  };

function slowContext(world: SmallWorld) {
  const { table, objects } = world.network;
  const step = () => pauseFor(world, 1 + world.random.below(60));
  return passOver({ table: slowly(table, step), objects: slowly(objects, step), clock: clockOf(world.network) });
}

/** The port with a pause before each request. */
function slowly<Port extends object>(port: Port, step: () => Promise<void>): Port {
  const after = (call: (...args: unknown[]) => Promise<unknown>) => {
    return async (...args: unknown[]) => {
      await step();
      return call(...args);
    };
  };
  return Object.fromEntries(Object.entries(port).map(([name, call]) => [name, after(call)])) as Port;
}

/** Adds partitions, one at a time, while others write to them. */
export const grower =
  (partitions: number, pauseMs: number): Actor =>
  async (world) => {
    for (let count = 2; count <= partitions; count++) {
      await pauseFor(world, world.random.below(pauseMs));
      await world.random
        .pick(world.processes)
        .request((engine) => engine.alterTopic({ topic: simulatedTopic, partitions: count }), 30_000);
    }
  };
