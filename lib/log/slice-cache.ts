// The slices that were read lately. Slices that were read together share one piece of memory, so they are kept and dropped
// together. Then nothing is copied, and the bytes that count against the bound are the bytes that are held.
//
// Invariant: what was read ahead, and nobody has asked for since, takes at most half of the cache. So many readers that stream
// cannot push out each other's slices before they are used.
import { LRUCache } from 'lru-cache';

/** `isAhead` until somebody asks for one of the slices. */
type Kept<Batches> = {
  readonly id: number;
  readonly slices: ReadonlyMap<string, Batches>;
  readonly bytes: number;
  isAhead: boolean;
};

export type SliceCache<Batches> = {
  get(name: string): Batches | undefined;
  /** Does not count as a use. */
  has(name: string): boolean;
  /** @param bytes of the memory that the slices share. */
  keep(slices: ReadonlyMap<string, Batches>, bytes: number, isAhead: boolean): void;
  /** Whether so many bytes more may be read ahead. */
  hasRoomAhead(bytes: number): boolean;
};

export function createSliceCache<Batches>(maxBytes: number): SliceCache<Batches> {
  const keptOf = new Map<string, Kept<Batches>>();
  let reads = 0;
  let aheadBytes = 0;

  function isWanted(kept: Kept<Batches>): void {
    if (kept.isAhead) aheadBytes -= kept.bytes;
    kept.isAhead = false;
  }

  const cache = new LRUCache<number, Kept<Batches>>({
    maxSize: maxBytes,
    sizeCalculation: ({ bytes }) => bytes,
    dispose: (kept) => {
      isWanted(kept);
      for (const name of kept.slices.keys()) if (keptOf.get(name) === kept) keptOf.delete(name);
    },
  });

  return {
    get(name) {
      const kept = keptOf.get(name);
      if (!kept) return undefined;
      cache.get(kept.id);
      isWanted(kept);
      return kept.slices.get(name);
    },
    has: (name) => keptOf.has(name),
    keep(slices, bytes, isAhead) {
      if (slices.size === 0 || bytes > maxBytes) return;
      const kept = { id: reads++, slices, bytes: Math.max(1, bytes), isAhead };
      if (isAhead) aheadBytes += kept.bytes;
      for (const name of slices.keys()) keptOf.set(name, kept);
      cache.set(kept.id, kept);
    },
    hasRoomAhead: (bytes) => aheadBytes + bytes <= maxBytes / 2,
  };
}
