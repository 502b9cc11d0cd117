// This is a backend as the clients of a real world see it: addresses, some of which break what passes through them, and
// processes that die.
import { type Backend, type Fault, startProxy } from '../../client/embedded.ts';

export type RealHome = {
  /** A try goes to any of these. */
  readonly urls: readonly string[];
  /** An address without faults, for use once the clients are done. */
  readonly quietUrl: string;
  readonly faults: FaultRate;
  /** Another write of an item may refuse a transaction of the table. So any commit may be decided before it is applied. */
  readonly hasConflicts: boolean;
  /** Kills one process and starts it again. */
  killOne(): Promise<void>;
  close(): Promise<void>;
};

/** The share of requests that suffer a fault, and the number that have. The share may change at any time. */
export type FaultRate = { share: number; met: number };

const kinds: readonly Fault[] = ['refuse 503', 'cut before', 'lose reply', 'late', 'slow'];

export function startFaultyProxy(target: string, faults: FaultRate): Promise<Backend> {
  return startProxy(target, () => {
    if (Math.random() >= faults.share) return 'none';
    faults.met++;
    return kinds[Math.floor(Math.random() * kinds.length)]!;
  });
}
