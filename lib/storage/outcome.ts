// The one place where a failure of the storage becomes an error of the catalogue, with what it means for the data.
import { type ErrorCode, RivuletError } from '../api/errors.ts';
import { StorageError } from './storage-error.ts';

/**
 * The same error when it is not the storage's. `doubtful`: an earlier try may have acted. `wasWrite`: the failed call itself
 * could have written.
 */
export function storageFailure(error: unknown, doubtful: boolean, wasWrite = true): unknown {
  return error instanceof StorageError ? errorOfStorage(error, doubtful, wasWrite) : error;
}

/** A read, or a write that surely did nothing, is `not-written`. */
export function errorOfStorage(error: StorageError, doubtful: boolean, wasWrite: boolean): RivuletError {
  const unknown = doubtful || (wasWrite && error.mayHaveActed);
  const code = unknown ? 'REQUEST_TIMED_OUT' : codeOf(error);
  return new RivuletError(code, error.message, { outcome: unknown ? 'unknown' : 'not-written', cause: error });
}

function codeOf({ reason }: StorageError): ErrorCode {
  if (reason === 'corrupt') return 'CORRUPT_LOG';
  return reason === 'throttled' ? 'THROTTLED' : 'STORAGE_UNAVAILABLE';
}

/**
 * Failures of the ports in the catalogue's words. An append's commit point translates its own (sequence.ts): what is left
 * of it here are reads before anything is written.
 */
export async function translated<T>(work: Promise<T>, kind: 'read' | 'write'): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageFailure(error, false, kind === 'write');
  }
}
