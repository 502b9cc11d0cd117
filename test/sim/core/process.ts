// A process runs the engine. It has its own clock, which may be wrong, and it dies with everything that it knew.
// Another takes its place. Clients talk to whichever process is alive, and get no more answers from one that died.

import type { Engine } from '../../../lib/api/engine.ts';
import type { createEngine } from '../../../lib/engine.ts';
import type { Ports } from '../../../lib/log/context.ts';
import type { Clock } from '../../../lib/runtime/clock.ts';
import { hedgingObjectStore } from '../../../lib/storage/hedge.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import { retryingObjectStore, retryingTable } from '../../../lib/storage/retry.ts';
import { type Life, type Network, portsOf } from './network.ts';

export type Answer<T> = { readonly reply: T } | { readonly error: unknown } | 'lost';

/** Maintenance works on the ports of a process, beside the engine. */
export type Operation<T> = (engine: Engine, ports: Ports) => Promise<T>;

export type Process = {
  /** Runs one operation. The answer is `lost` when the process died, or did not answer in time. */
  request<T>(operation: Operation<T>, timeoutMs: number): Promise<Answer<T>>;
  kill(): void;
  /** From now on the clock is wrong by this much. */
  turnClock(skewMs: number): void;
};

export function startProcess(network: Network, name: string, newEngine: typeof createEngine, beginSkewMs = 0): Process {
  const { scheduler } = network;
  let lives = 0;
  let skew = beginSkewMs;
  let onDeath = new Set<() => void>();
  let life = begin();
  let ports = portsFor(life);
  let engine = newEngine(ports);

  function begin(): Life {
    const mine: Life = { name: `${name}.${lives++}`, isOver: false, kill: () => end(mine), freeze: () => freeze(mine) };
    return mine;
  }

  function end(mine: Life): void {
    if (mine.isOver) return;
    network.trace(`${mine.name} is killed`);
    network.disturbed(true);
    mine.isOver = true;
    if (mine === life) replace();
  }

  function freeze(mine: Life): void {
    network.trace(`${mine.name} is frozen`);
    network.disturbed(true);
    if (mine === life) replace();
  }

  function replace(): void {
    life = begin();
    ports = portsFor(life);
    engine = newEngine(ports);
    const orphans = onDeath;
    onDeath = new Set();
    for (const hear of orphans) hear();
  }

  function portsFor(mine: Life): Ports {
    const clock = clockOf(network, mine, () => skew);
    const { objects, table } = portsOf(network, mine);
    return {
      objects: retryingObjectStore(hedged(network, objects, clock), clock),
      table: retryingTable(table, clock),
      clock,
    };
  }

  return {
    request<T>(operation: Operation<T>, timeoutMs: number) {
      return new Promise<Answer<T>>((resolve) => {
        const lose = () => resolve('lost');
        onDeath.add(lose);
        scheduler.after(timeoutMs, lose);
        const mine = onDeath;
        const answer = (result: Answer<T>) => {
          mine.delete(lose);
          resolve(result);
        };
        operation(engine, ports).then(
          (reply) => answer({ reply }),
          (error: unknown) => answer({ error }),
        );
      });
    },
    kill: () => life.kill(),
    turnClock: (skewMs) => {
      skew = skewMs;
      network.disturbed(false);
    },
  };
}

/** Chance says which calls are slow, and when. An aborted copy acts nevertheless. */
function hedged({ random, hedgeRate = 0 }: Network, objects: ObjectStore, { monotonic, sleep }: Clock): ObjectStore {
  if (hedgeRate === 0) return objects;
  const slowSometimes = () => (random.chance(hedgeRate) ? sleep(random.below(30)) : new Promise<void>(() => {}));
  return hedgingObjectStore(objects, { monotonic, sleep: slowSometimes }, { requestsPerHedge: 1 });
}

function clockOf({ scheduler, random, randomBytes }: Network, life: Life, skewMs: () => number): Clock {
  return {
    now: () => scheduler.now() + skewMs(),
    monotonic: () => scheduler.now(),
    sleep: (ms) => new Promise((resolve) => scheduler.after(ms, () => !life.isOver && resolve())),
    random: () => random.next(),
    randomBytes: randomBytes ?? ((count) => Uint8Array.from({ length: count }, () => random.below(256))),
  };
}
