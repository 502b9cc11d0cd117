// A mutant is a guard taken out: where, how, and which world notices.

import type { ChangeOfFile } from '../../core/change-plugin.ts';
import type { AnomalyName } from '../check/anomaly.ts';
import type { MutantWorld } from './small-world.ts';

export type Mutant = ChangeOfFile & {
  readonly name: string;
  readonly world: MutantWorld;
  /**
   * This seed was known to catch the mutant when this was written. Others are tried after it, within a bound. The
   * default is 1.
   */
  readonly seed?: number;
  /** One of these anomalies must be found. */
  readonly caughtBy: readonly AnomalyName[];
};
