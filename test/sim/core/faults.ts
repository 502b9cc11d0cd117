// These are the faults that one call on a port may suffer. A plan says which call suffers which fault. A random plan
// draws by rates, and an explicit plan can be replayed and shrunk.
import type { Random } from './random.ts';

export const faultKinds = [
  /** The request is lost before it acts, and no answer comes. */
  'request lost',
  /** The request acts, but the reply is lost. */
  'reply lost',
  /** The request acts, and the same request acts again shortly after. The first answer comes. */
  'acts again soon',
  /** The request acts, and the same request acts again hours later. */
  'acts again late',
  /**
   * The request acts twice before the answer, which is the second one. A condition then fails because of our own
   * success.
   */
  'answer of a resend',
  /** No answer comes in time, and the request acts after its caller gave up. */
  'acts late',
  /** No answer comes in time, and the request acts hours later. */
  'acts hours late',
  /** The request is refused because it came too fast. Nothing is done. */
  'throttled',
  /** The answer is a 503, and nothing is done. */
  'unavailable',
  /** The answer is a 500, though the request was done. */
  'failed but done',
  /** The request is refused because of a transaction on the item (table) or a race (objects). Nothing is done. */
  'conflict',
  /** The process is killed before the request acts. */
  'killed before',
  /** The process is killed after the request acted, and before the answer reaches it. */
  'killed after',
  /**
   * The process is frozen before the request acts, as Lambda does. Another takes its place, and hours later it
   * continues.
   */
  'frozen before',
  /** The process is frozen after the request acted. When it gets the answer, hours have passed. */
  'frozen after',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/**
 * A request that only reads changes nothing, so it does not matter whether it acts, when, or how often. These are the kinds
 * that differ for it: each other kind leaves the process and the stores as one of these does, or as no fault does.
 */
export const faultKindsOfReads: readonly FaultKind[] = [
  'request lost',
  'throttled',
  'unavailable',
  'conflict',
  'killed before',
  'frozen before',
  'frozen after',
];

export type FaultPlan = {
  /** The fault of the call with this number, counted over the whole world. */
  faultOf(call: number): FaultKind | undefined;
};

export const noFaults: FaultPlan = { faultOf: () => undefined };

export function explicitFaults(faults: ReadonlyMap<number, FaultKind>): FaultPlan {
  return { faultOf: (call) => faults.get(call) };
}

/** Draws for each call whether it suffers, and which fault. It calls `met` for each fault. */
export function randomFaults(random: Random, rate: number, met: (call: number, fault: FaultKind) => void): FaultPlan {
  return {
    faultOf(call) {
      if (!random.chance(rate)) return undefined;
      const fault = random.pick(faultKinds);
      met(call, fault);
      return fault;
    },
  };
}
