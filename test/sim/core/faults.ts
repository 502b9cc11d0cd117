// What can go wrong with one call on a port. A plan says which call suffers what; a random plan draws by rates, an
// explicit one is replayed and shrunk.
import type { Random } from './random.ts';

export const faultKinds = [
  /** The request is lost before it acts; no answer. */
  'request lost',
  /** It acts; the reply is lost. */
  'reply lost',
  /** It acts, and the same request acts again shortly after; the first answer comes. */
  'acts again soon',
  /** It acts, and the same request acts again hours later. */
  'acts again late',
  /** It acts twice before the answer, which is the second's: a condition fails because of our own success. */
  'answer of a resend',
  /** No answer in time; it acts after its caller gave up. */
  'acts late',
  /** The same, hours later. */
  'acts hours late',
  /** Refused: too fast. Nothing is done. */
  'throttled',
  /** 503, and nothing is done. */
  'unavailable',
  /** 500, though it was done. */
  'failed but done',
  /** Refused because of a transaction on the item (table) or a race (objects). Nothing is done. */
  'conflict',
  /** The process is killed before the request acts. */
  'killed before',
  /** The process is killed after the request acted, before it hears so. */
  'killed after',
  /** The process is frozen before the request acts, as Lambda does; another takes its place; hours later it goes on. */
  'frozen before',
  /** The process is frozen after the request acted; when it hears so, hours have passed. */
  'frozen after',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export type FaultPlan = {
  /** Of the call with this number (counted over the whole world). */
  faultOf(call: number): FaultKind | undefined;
};

export const noFaults: FaultPlan = { faultOf: () => undefined };

export function explicitFaults(faults: ReadonlyMap<number, FaultKind>): FaultPlan {
  return { faultOf: (call) => faults.get(call) };
}

/** Draws for each call whether it suffers, and what; tells `met` of each. */
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
