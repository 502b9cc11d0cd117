// Bounded parallelism: over a list, or of whatever comes.

/** Runs `work` on every item, at most `limit` at a time; results in the order of the items. After an error none is begun. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      try {
        results[i] = await work(items[i]!, i);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

export type Gate = { run<T>(work: () => Promise<T>): Promise<T> };

/** At most `limit` are at work at a time; the others wait in their order. */
export function createGate(limit: number): Gate {
  const waiting: (() => void)[] = [];
  let atWork = 0;
  return {
    async run(work) {
      if (atWork >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
      else atWork++;
      try {
        return await work();
      } finally {
        // The next one takes over the place.
        const next = waiting.shift();
        if (next) next();
        else atWork--;
      }
    },
  };
}
