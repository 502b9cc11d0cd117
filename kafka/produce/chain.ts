// The order of produce requests. A chain belongs to one producer and one partition: to an idempotent producer on whichever
// connections it sends, otherwise to one connection. A link begins only when the link before it has ended.
//
// Invariant: batches of one chain reach the engine in the order in which they were received. If a batch of an idempotent
// producer was not written, those behind it are not tried until it comes again: the engine would miss it, and its answer would
// be final for some clients. They may still be on their way when the failure is known, so the chain remembers it.
import { sequenceDistance } from '../../lib/producer/decide.ts';
import { newCache } from '../../lib/runtime/cache.ts';

/** A batch of an idempotent producer. */
export type Link = { readonly epoch: number; readonly firstSequence: number };

export type Chains = {
  /** Waits for the links before this one on each chain. */
  run<T>(chains: readonly string[], work: () => Promise<T>): Promise<T>;
  /** Whether a batch before this one was not written and has not come again. A new epoch begins without such a batch. */
  isBehindBreak(chain: string, link: Link): boolean;
  /** Remembers how the batch that was tried has ended. */
  note(chain: string, link: Link, wasNotWritten: boolean): void;
};

/** Only chains with a failed batch are kept. One that is forgotten costs its client an error that it may not expect. */
const breaksKept = 10_000;
/** Sequences go round: those in the half before the failed one are older. */
const sequencesAhead = 2 ** 30;

export function createChains(): Chains {
  const last = new Map<string, Promise<void>>();
  const breaks = newCache<Link>(breaksKept);

  return {
    async run(chains, work) {
      const before = chains.map((chain) => last.get(chain));
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      for (const chain of chains) last.set(chain, ended);
      try {
        await Promise.all(before);
        return await work();
      } finally {
        end();
        for (const chain of chains) if (last.get(chain) === ended) last.delete(chain);
      }
    },
    isBehindBreak(chain, { epoch, firstSequence }) {
      const failed = breaks.get(chain);
      if (failed?.epoch !== epoch) return false;
      const ahead = sequenceDistance(failed.firstSequence, firstSequence);
      return ahead > 0 && ahead < sequencesAhead;
    },
    note(chain, link, wasNotWritten) {
      const failed = breaks.get(chain);
      const isMended = failed?.epoch !== link.epoch || failed.firstSequence === link.firstSequence;
      if (wasNotWritten) breaks.set(chain, link);
      else if (isMended) breaks.delete(chain);
    },
  };
}
