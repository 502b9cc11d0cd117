// The worlds of the log, of groups, of offsets and of transactions have this in common. A random world is known by its seed. A case of a
// small world is known by its order of steps and its faults. Both are the same every time.
import type { createEngine } from '../../../lib/engine.ts';
import type { FaultKind } from './faults.ts';

export type RunOptions = {
  /** An engine to use instead of the real one. */
  readonly newEngine?: typeof createEngine;
  readonly trace?: (line: string) => void;
};

export type Verdict = {
  readonly steps: number;
  /** Empty when all went well. */
  readonly complaints: readonly string[];
  /** The figures that a report adds up beside the steps, and those of which it takes the greatest. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly most?: Readonly<Record<string, number>>;
};

export type RandomWorld = {
  readonly name: string;
  run(seed: number, options?: RunOptions): Promise<Verdict>;
  /** Returns the lines to print for a seed that fails. */
  explain?(seed: number): Promise<readonly string[]>;
};

/** The faults by the number of the call that suffers. */
export type Faults = ReadonlyMap<number, FaultKind>;

export type CaseVerdict = Verdict & {
  /** The range of port calls that can suffer: the first, and the one after the last. */
  readonly firstCall: number;
  readonly endCall: number;
  /** The calls that only read. They suffer only the kinds of faults that differ for them (`faultKindsOfReads`). */
  readonly reads?: ReadonlySet<number>;
};

export type RunCase = (order: number, faults: Faults, options?: RunOptions) => Promise<CaseVerdict>;

export type SmallWorld = {
  readonly name: string;
  readonly about?: string;
  /** The number of orders of steps. Each order is run with every fault. */
  readonly orders: number;
  /** Prepares, once, the state with which all cases begin. */
  prepare(): Promise<RunCase>;
};

/** All worlds of one subject, as a command runs them. */
export type Simulation = {
  readonly script: 'sim' | 'sim:groups' | 'sim:offsets' | 'sim:push' | 'sim:transactions';
  readonly description: string;
  readonly randomWorlds: readonly RandomWorld[];
  readonly smallWorlds: readonly SmallWorld[];
};
