// A guard taken out: where, how, and the world that notices.

import type { ChangeOfFile } from '../../core/change-plugin.ts';
import type { AnomalyName } from '../check/anomaly.ts';
import type { MutantWorld } from './small-world.ts';

export type Mutant = ChangeOfFile & {
  readonly name: string;
  readonly world: MutantWorld;
  /** Known to catch it, when this was written; others are tried after it, within a bound. Default 1. */
  readonly seed?: number;
  /** The anomalies of which one must be found. */
  readonly caughtBy: readonly AnomalyName[];
};
