// Bounds parallel work: over a list, of whatever comes, or within one turn of the event loop.

/**
 * Runs `work` on every item, at most `limit` at a time. The results are in the order of the items. After an error no
 * further item is begun.
 */
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

/** Rejects with the signal's reason if the signal is aborted before the work begins. */
export type Gate = { run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> };

/**
 * At most `limit` are at work at a time; the others wait in their order, without those whose signal is aborted.
 * @param admit may throw: it gets the number of those that wait before a further one does.
 */
export function createGate(limit: number, admit: (waiting: number) => void = () => {}): Gate {
  const waiting = new Set<() => void>();
  let atWork = 0;

  const turn = (signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const enter = () => {
        waiting.delete(enter);
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(enter);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.add(enter);
    });

  return {
    async run(work, signal) {
      signal?.throwIfAborted();
      if (atWork < limit) atWork++;
      else {
        admit(waiting.size);
        await turn(signal);
      }
      try {
        signal?.throwIfAborted();
        return await work();
      } finally {
        // The next one takes over the place.
        const [next] = waiting;
        if (next) next();
        else atWork--;
      }
    },
  };
}

/** A gate for each name. */
export type Gates = { run<T>(name: string, work: () => Promise<T>): Promise<T> };

/** At most `limit` of each name are at work at a time. The others of that name wait in their order. */
export function createGates(limit: number): Gates {
  const gates = new Map<string, { readonly gate: Gate; users: number }>();
  return {
    async run(name, work) {
      const kept = gates.get(name) ?? { gate: createGate(limit), users: 0 };
      gates.set(name, kept);
      kept.users++;
      try {
        return await kept.gate.run(work);
      } finally {
        kept.users--;
        if (kept.users === 0) gates.delete(name);
      }
    },
  };
}

/** Does it now, or when its turn has come. */
export type Turns = (work: () => void) => void;

/**
 * For work that never waits for anything else: so many in one turn of the event loop, and the others in the next ones, in their
 * order. Else thousands that come together would hold up everybody.
 */
export function createTurns(perTurn: number): Turns {
  const waiting: (() => void)[] = [];
  let left = perTurn;
  let isCounting = false;

  function nextTurn(): void {
    isCounting = false;
    left = perTurn;
    const served = waiting.splice(0, perTurn);
    if (served.length > 0) count(served.length);
    for (const serve of served) serve();
  }

  function count(begun: number): void {
    left -= begun;
    if (isCounting) return;
    isCounting = true;
    setImmediate(nextTurn);
  }

  return (work) => {
    if (left === 0) {
      waiting.push(work);
      return;
    }
    count(1);
    work();
  };
}
