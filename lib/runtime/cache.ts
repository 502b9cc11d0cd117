// Keeps copies of what is stored: the most recently used entries, up to a number. The bound is given as a size, because
// the library allocates room for all entries immediately if it is given their number. That takes a millisecond at every
// cold start, and in tests it is the most expensive thing there is.
import { LRUCache } from 'lru-cache';

export const newCache = <V extends NonNullable<unknown>>(entries: number): LRUCache<string, V> =>
  new LRUCache({ maxSize: entries, sizeCalculation: () => 1 });
