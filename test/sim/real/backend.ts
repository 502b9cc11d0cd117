// A backend as the clients of a real world see it: addresses, of which some break what passes through them, and processes
// that die.
import { type Backend, type Fault, startProxy } from '../../client/embedded.ts';

export type RealHome = {
  /** A try goes to any of them. */
  readonly urls: readonly string[];
  /** Where nothing breaks, once the clients are done. */
  readonly quietUrl: string;
  readonly faults: FaultRate;
  /** Kills one process and starts it anew. */
  killOne(): Promise<void>;
  close(): Promise<void>;
};

/** The share of requests that suffer a fault, and how many have. It may change at any time. */
export type FaultRate = { share: number; met: number };

const kinds: readonly Fault[] = ['refuse 503', 'cut before', 'lose reply', 'late', 'slow'];

export function startFaultyProxy(target: string, faults: FaultRate): Promise<Backend> {
  return startProxy(target, () => {
    if (Math.random() >= faults.share) return 'none';
    faults.met++;
    return kinds[Math.floor(Math.random() * kinds.length)]!;
  });
}
