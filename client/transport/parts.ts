// This file splits calls that are too large for one request, or that concern several things which no request can combine.
// Invariant: when a part fails, the error says what happened to the parts before it.
import { type ClientErrorDetails, errorOfParts, isClientError, type PartResult } from '../client-error.ts';

/**
 * Works on one item after the other. The first failure ends the work: its results list what was done before it, then the
 * error itself, with the name of its item. The items behind it are not tried, and not listed.
 */
export async function oneByOne<Item, Result extends PartResult>(
  items: readonly Item[],
  work: (item: Item) => Promise<readonly Result[]>,
  nameOf: (item: Item) => Pick<ClientErrorDetails, 'topic' | 'groupId'> = () => ({}),
): Promise<Result[]> {
  const done: Result[] = [];
  for (const item of items) {
    try {
      done.push(...(await work(item)));
    } catch (error) {
      if (!isClientError(error)) throw error;
      throw errorOfParts([...done, ...(error.results ?? [error.with(nameOf(item))])]);
    }
  }
  return done;
}

export function slices<T>(all: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, i) => all.slice(i * length, (i + 1) * length));
}
