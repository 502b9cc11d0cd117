// The one place that turns a failure of the storage into an error of the catalogue, with its outcome for the data.
import { type ErrorCode, RivuletError } from '../api/errors.ts';
import { StorageError } from './storage-error.ts';

/**
 * Returns the catalogue's error for a failure of the ports, and other errors as they are. `doubtful`: an earlier call may
 * have committed the append. `wasWrite`: the failed call itself may have committed it.
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
 * Awaits `work` and translates failures of the ports. An append's commit point translates its own failures
 * (lib/log/sequence.ts), so only reads that come before any write of an append are translated here.
 */
export async function translated<T>(work: Promise<T>, kind: 'read' | 'write'): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageFailure(error, false, kind === 'write');
  }
}
