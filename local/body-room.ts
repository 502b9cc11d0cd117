// Bounds the bytes of request bodies that one server holds: those that arrive, that wait for a shared upload, and that are
// answered. A client that is refused comes back, and the memory of the process stays within bounds.
//
// Invariant: the bodies that are held never have more bytes together than the bound.
import { RivuletError } from '../lib/api/errors.ts';

export type BodyRoom = {
  /** Throws THROTTLED, before anything is read, if the body might not fit. It returns the function that gives the room back. */
  take(bytes: number): () => void;
};

export function createBodyRoom(mostBytes: number): BodyRoom {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > mostBytes) throw full(taken, bytes, mostBytes);
      taken += bytes;
      return () => {
        taken -= bytes;
      };
    },
  };
}

function full(taken: number, bytes: number, mostBytes: number): RivuletError {
  const detail = `the requests under way have bodies of ${taken} bytes, and ${bytes} more would pass the limit of ${mostBytes} (heldBodyBytes): send it again later`;
  return new RivuletError('THROTTLED', detail, { outcome: 'not-written' });
}
