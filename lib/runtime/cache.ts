// Copies of what is stored: the most recently used entries, up to a number. Counted by size, for the library allocates
// room for all entries at once when it is given their number: a millisecond at every cold start, and in tests the most
// expensive thing there is.
import { LRUCache } from 'lru-cache';

export const newCache = <V extends NonNullable<unknown>>(entries: number): LRUCache<string, V> =>
  new LRUCache({ maxSize: entries, sizeCalculation: () => 1 });
