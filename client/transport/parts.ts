// Calls about more than one request can hold, or about several things that have no request together.
// Invariant: when a part fails, the error says what became of those before it.
import { errorOfParts, isClientError, type PartResult } from '../client-error.ts';

/** One after the other; the first failure ends it, and what was done before is among its results. */
export async function oneByOne<Item, Result extends PartResult>(
  items: readonly Item[],
  work: (item: Item) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const done: Result[] = [];
  for (const item of items) {
    try {
      done.push(...(await work(item)));
    } catch (error) {
      throw isClientError(error) ? errorOfParts([...done, ...(error.results ?? [error])]) : error;
    }
  }
  return done;
}

export function slices<T>(all: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, i) => all.slice(i * length, (i + 1) * length));
}
