// A simulated group lives on this stage: processes with clocks of their own over one table, faults on every call
// between them, eventual reads and queries that see the past, and an observer that suffers none of it.

import type { Engine } from '../../../lib/api/engine.ts';
import { createEngine } from '../../../lib/engine.ts';
import type { Ports } from '../../../lib/log/context.ts';
import { createMemoryObjectStore } from '../../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../../lib/storage/memory/memory-table.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import type { Table } from '../../../lib/storage/table.ts';
import { explicitFaults, type FaultKind, noFaults, randomFaults } from '../core/faults.ts';
import type { Network } from '../core/network.ts';
import { withStaleQueries } from '../core/past.ts';
import { type Process, startProcess } from '../core/process.ts';
import { createRandom, type Random } from '../core/random.ts';
import { createScheduler, type Scheduler } from '../core/scheduler.ts';
import type { TermSeen } from './history.ts';
import { watchTerms } from './watch-terms.ts';

export type StageOptions = {
  readonly seed: number;
  readonly processes: number;
  readonly faultRate: number;
  /** The greatest error of the processes' clocks. */
  readonly mostSkewMs: number;
  /** The least error of the clocks. Without it they may be behind by as much as they may be ahead. */
  readonly leastSkewMs?: number;
  /** The greatest age of the state that eventual reads see. Without it there is no bound. */
  readonly stalestMs?: number;
  /** Faults by the number of the call, instead of faults at random. */
  readonly faults?: ReadonlyMap<number, FaultKind>;
  readonly newEngine?: typeof createEngine;
  /** Stands between the processes and the table, and sees or refuses what they write. */
  readonly around?: (table: Table, scheduler: Scheduler) => Table;
  readonly trace?: (line: string) => void;
};

export type Stage = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly processes: readonly Process[];
  /** The observer is a process of its own, whose calls suffer no fault. */
  readonly observer: Engine;
  readonly observerPorts: Ports;
  /** The stores themselves. */
  readonly stores: { readonly objects: ObjectStore; readonly table: Table };
  /** Every term of ownership, as it was written. */
  readonly terms: TermSeen[];
  /** The times at which something went wrong. */
  readonly troublesMs: number[];
  trace(line: string): void;
  /** Draws how wrong a clock is. */
  skew(): number;
  /** The number of calls so far. */
  calls(): number;
  /** The numbers of the calls that only read. */
  readonly reads: ReadonlySet<number>;
  /** From now on calls suffer faults. */
  disturb(): void;
  /** From now on nothing goes wrong any more. */
  calm(): void;
};

export const startMs = Date.UTC(2026, 0, 1);

export function openStage(options: StageOptions): Stage {
  const random = createRandom(options.seed);
  const scheduler = createScheduler(startMs);
  const trace = (line: string) => options.trace?.(`${scheduler.now() - startMs} ms  ${line}`);
  const objects = createMemoryObjectStore({ clock: scheduler });
  const terms: TermSeen[] = [];
  const troublesMs: number[] = [];
  const stored = createMemoryTable({ clock: scheduler });
  const table = watchTerms(options.around?.(stored, scheduler) ?? stored, terms, scheduler.now);
  const { stalestMs = Number.POSITIVE_INFINITY } = options;
  let isCalm = false;
  const network: Network = {
    scheduler,
    random,
    faults: noFaults,
    objects,
    table: withStaleQueries(table, {
      random: createRandom(options.seed + 0x20000),
      now: scheduler.now,
      chance: () => (isCalm ? 0 : 0.2),
      stalestMs,
    }),
    stalestMs,
    calls: 0,
    reads: new Set(),
    trace,
    disturbed: () => void troublesMs.push(scheduler.now()),
  };
  const { mostSkewMs, leastSkewMs = -mostSkewMs } = options;
  const skew = () => random.below(mostSkewMs - leastSkewMs + 1) + leastSkewMs;
  const newEngine = options.newEngine ?? createEngine;
  const processes = Array.from({ length: options.processes }, (_, i) =>
    startProcess(network, `p${i}`, newEngine, skew()),
  );
  const observerPorts = { objects, table, clock: stillClock(scheduler, random) };
  const observer = createEngine(observerPorts);
  const disturb = () => void Object.assign(network, { faults: faultsOf(options) });
  const calm = () => {
    isCalm = true;
    Object.assign(network, { faults: noFaults, isCalm });
    for (const process of processes) process.turnClock(0);
  };
  return {
    stores: { objects, table },
    ...{ scheduler, random, processes, observer, observerPorts, terms, troublesMs, trace, skew, disturb, calm },
    calls: () => network.calls,
    reads: network.reads!,
  };
}

const faultsOf = ({ faults, seed, faultRate }: StageOptions) =>
  faults ? explicitFaults(faults) : randomFaults(createRandom(seed + 0x10000), faultRate, () => {});

function stillClock(scheduler: { now(): number }, random: Random) {
  return {
    now: scheduler.now,
    monotonic: scheduler.now,
    sleep: async () => {},
    random: () => 0.5,
    randomBytes: (count: number) => Uint8Array.from({ length: count }, () => random.below(256)),
  };
}
