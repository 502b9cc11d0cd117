// The order of produce requests. A chain belongs to one producer and one partition: to an idempotent producer on whichever
// connections it sends, otherwise to one connection. A link begins only when the link before it has ended.
//
// Invariant: batches of one chain reach the engine in the order in which they were received. If a link was not written, the
// links that wait behind it are not tried: the engine would miss the batch before them, and its answer would be final for
// some clients.

export type LinkEnd = 'passed' | 'broken';

export type Chains = {
  /**
   * Waits for the link before this one on each chain. `work` gets the chains whose link broke, and says how its own links
   * end: those that it does not name have passed.
   */
  run<T>(chains: readonly string[], work: (broken: ReadonlySet<string>) => Promise<Linked<T>>): Promise<T>;
};

export type Linked<T> = { readonly result: T; readonly broken: ReadonlySet<string> };

export function createChains(): Chains {
  const last = new Map<string, Promise<LinkEnd>>();

  return {
    async run(chains, work) {
      const before = chains.map((chain) => last.get(chain));
      const ended = Promise.withResolvers<ReadonlySet<string>>();
      const own = chains.map((chain) =>
        ended.promise.then((broken): LinkEnd => (broken.has(chain) ? 'broken' : 'passed')),
      );
      for (const [i, chain] of chains.entries()) last.set(chain, own[i]!);
      let broken: ReadonlySet<string> = new Set();
      try {
        const ends = await Promise.all(before);
        const done = await work(new Set(chains.filter((_, i) => ends[i] === 'broken')));
        broken = done.broken;
        return done.result;
      } finally {
        ended.resolve(broken);
        for (const [i, chain] of chains.entries()) if (last.get(chain) === own[i]) last.delete(chain);
      }
    },
  };
}
