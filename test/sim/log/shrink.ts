// This makes a failing world small: first fewer clients and sends, then fewer faults, as long as it still fails.
import type { FaultKind } from '../core/faults.ts';
import { runWorld, type WorldOptions } from './world.ts';

/** True when the world shows an anomaly, or breaks. */
async function fails(options: WorldOptions): Promise<boolean> {
  try {
    return (await runWorld(options)).complaints.length > 0;
  } catch {
    return true;
  }
}

/** The worlds grow from a handful of clients upwards. A failure that needs all clients stays as it is. */
const smallWorlds: readonly Partial<WorldOptions>[] = [
  { partitions: 1, processes: 2, steady: 1, anonymous: 1, keyed: 0, oneShot: 0, conditional: 0, readers: 0, sends: 30 },
  {
    partitions: 1,
    processes: 2,
    steady: 2,
    anonymous: 0,
    keyed: 0,
    oneShot: 10,
    conditional: 0,
    readers: 0,
    sends: 15,
  },
  { partitions: 1, processes: 2, steady: 1, anonymous: 1, keyed: 1, oneShot: 5, conditional: 1, readers: 1, sends: 15 },
  { partitions: 1 },
];
const seedsPerWorld = 40;

/** The smallest world found that still fails, with only the faults that it needs. */
export async function shrink(failing: WorldOptions): Promise<WorldOptions> {
  const small = failing.faults ? failing : ((await smallerWorld(failing)) ?? failing);
  return fewerFaults({ ...small, faults: small.faults ?? (await faultsMet(small)) }, small);
}

/** Another number of clients gives another history, so a small world is searched for, not derived. */
async function smallerWorld(failing: WorldOptions): Promise<WorldOptions | undefined> {
  for (const size of smallWorlds) {
    for (let i = 0; i < seedsPerWorld; i++) {
      const candidate = { ...failing, ...size, seed: failing.seed + i };
      if (await fails(candidate)) return candidate;
    }
  }
  return undefined;
}

/** Leaves out halves, quarters, and so on down to single faults, as long as the world still fails. */
async function fewerFaults(explicit: WorldOptions, otherwise: WorldOptions): Promise<WorldOptions> {
  if (!(await fails(explicit))) return otherwise;
  let smallest = explicit;
  for (let size = explicit.faults!.size; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.faults!.size; ) {
      const candidate = { ...smallest, faults: new Map([...smallest.faults!].toSpliced(at, size)) };
      if (await fails(candidate)) smallest = candidate;
      else at += size;
    }
  }
  return smallest;
}

async function faultsMet(options: WorldOptions): Promise<ReadonlyMap<number, FaultKind>> {
  const met = new Map<number, FaultKind>();
  await runWorld({ ...options, met: (call, fault) => met.set(call, fault) }).catch(() => undefined);
  return met;
}
