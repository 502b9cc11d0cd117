// These say what has become of a transaction whose commit or abort has failed.
import { isClientError, type RivuletClientError } from '../client-error.ts';

const endedCodes: ReadonlySet<string> = new Set(['INVALID_TXN_STATE', 'PRODUCER_FENCED', 'TRANSACTIONAL_ID_NOT_FOUND']);

/** Whether the service says that the transaction has ended, one way or the other: no request can change its outcome. */
export const saysEnded = (error: unknown): error is RivuletClientError =>
  isClientError(error) && endedCodes.has(error.errorCode);

export const mayHaveActed = (error: unknown): error is RivuletClientError =>
  isClientError(error) && error.outcome === 'unknown';
