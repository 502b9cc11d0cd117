// What the worlds of the log, of groups and of offsets have in common. A random world is known by its seed, a case of a
// small one by its order of steps and its faults: each is the same every time.
import type { createEngine } from '../../../lib/engine.ts';
import type { FaultKind } from './faults.ts';

export type RunOptions = {
  /** Another engine than the real one. */
  readonly newEngine?: typeof createEngine;
  readonly trace?: (line: string) => void;
};

export type Verdict = {
  readonly steps: number;
  /** Empty when all went well. */
  readonly complaints: readonly string[];
  /** What a report adds up beside the steps, and what it takes the greatest of. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly most?: Readonly<Record<string, number>>;
};

export type RandomWorld = {
  readonly name: string;
  run(seed: number, options?: RunOptions): Promise<Verdict>;
  /** What to print of a seed that fails. */
  explain?(seed: number): Promise<readonly string[]>;
};

/** By the number of the call that suffers. */
export type Faults = ReadonlyMap<number, FaultKind>;

export type CaseVerdict = Verdict & {
  /** Of the calls of the ports that can suffer: the first, and the one after the last. */
  readonly firstCall: number;
  readonly endCall: number;
};

export type RunCase = (order: number, faults: Faults, options?: RunOptions) => Promise<CaseVerdict>;

export type SmallWorld = {
  readonly name: string;
  readonly about?: string;
  /** How many orders of steps there are; each is run with every fault. */
  readonly orders: number;
  /** Makes once what all cases begin with. */
  prepare(): Promise<RunCase>;
};

/** All worlds of one subject, as a command runs them. */
export type Simulation = {
  readonly script: 'sim' | 'sim:groups' | 'sim:offsets';
  readonly description: string;
  readonly randomWorlds: readonly RandomWorld[];
  readonly smallWorlds: readonly SmallWorld[];
};
