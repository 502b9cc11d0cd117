// The order of produce requests. A chain belongs to one producer and one partition: to an idempotent producer on whichever
// connections it sends, otherwise to one connection. Links are uploaded beside each other. A link gets its offsets only when
// the link before it has ended.
//
// Invariant: batches of one chain get their offsets in the order in which they were received. If a batch of an idempotent
// producer was not written, those behind it are not tried until it comes again: the engine would miss it, and its answer would
// be final for some clients. They may still be on their way when the failure is known, so the chain remembers it.
import { sequenceDistance } from '../../lib/producer/decide.ts';
import { newCache } from '../../lib/runtime/cache.ts';

/** A batch of an idempotent producer. */
export type Link = { readonly epoch: number; readonly firstSequence: number };

/** In doubt, a batch may be in the log. */
export type End = 'written' | 'not written' | 'in doubt';

export type Chains = {
  /** `before` resolves when the links before this one have ended on each chain. This one ends later than they do. */
  run<T>(chains: readonly string[], work: (before: Promise<void>) => Promise<T>): Promise<T>;
  /** How a batch before this one has failed that has not come again. A new epoch begins without such a batch. */
  breakBefore(chain: string, link: Link): Exclude<End, 'written'> | undefined;
  /** The engine has waited for the batch in doubt, and missed it: those behind it need not wait too. */
  missed(chain: string): void;
  /** Remembers how the batch that was tried has ended. */
  note(chain: string, link: Link, end: End): void;
};

type Break = Link & { readonly end: Exclude<End, 'written'> };

/** Only chains with a failed batch are kept. One that is forgotten costs its client an error that it may not expect. */
const breaksKept = 10_000;
/** Sequences go round: those in the half before the failed one are older. */
const sequencesAhead = 2 ** 30;

export function createChains(): Chains {
  const last = new Map<string, Promise<void>>();
  const breaks = newCache<Break>(breaksKept);

  function breakBefore(chain: string, { epoch, firstSequence }: Link): Break['end'] | undefined {
    const failed = breaks.get(chain);
    if (failed?.epoch !== epoch) return undefined;
    const ahead = sequenceDistance(failed.firstSequence, firstSequence);
    return ahead > 0 && ahead < sequencesAhead ? failed.end : undefined;
  }

  return {
    async run(chains, work) {
      const before = Promise.all(chains.map((chain) => last.get(chain))).then(() => undefined);
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      for (const chain of chains) last.set(chain, ended);
      try {
        return await work(before);
      } finally {
        await before;
        end();
        for (const chain of chains) if (last.get(chain) === ended) last.delete(chain);
      }
    },
    breakBefore,
    missed(chain) {
      const failed = breaks.get(chain);
      if (failed) breaks.set(chain, { ...failed, end: 'not written' });
    },
    note(chain, link, end) {
      // The first break stands until its batch comes again.
      if (breakBefore(chain, link)) return;
      const failed = breaks.get(chain);
      const isMended = failed?.epoch !== link.epoch || failed.firstSequence === link.firstSequence;
      if (end !== 'written') breaks.set(chain, { ...link, end });
      else if (isMended) breaks.delete(chain);
    },
  };
}
