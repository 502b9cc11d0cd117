// This pure function decides what to do with batches that were not acknowledged. It is the whole policy of the producer's
// retries.
//
// Two facts rule it. A sequence number that may have been used for some records must never be used for others, and must
// not be skipped. An answer of "not written" is about one try only: an earlier, unanswered try may still be applied.
import type { RivuletClientError } from '../client-error.ts';

export type Verdict =
  /** The records are in the log, though their offset may no longer be known. */
  | 'written'
  /** Send the same bytes once more. */
  | 'again'
  /** The log certainly holds none of it and will take none under this producer id: send the records under a new one. */
  | 'renew'
  | 'failed';

export type Tried = {
  /** Every try so far, this one included, is known to have written nothing. */
  readonly certain: boolean;
  /** Nothing of this partition that was sent earlier is still without an answer. */
  readonly oldest: boolean;
  readonly idempotent: boolean;
  /** A transaction has one identity: what it refuses cannot be sent under another. */
  readonly transactional: boolean;
};

/** Another writer uses our producer id at a newer epoch: the log will never take our sequences, nor any delayed copy. */
const fenced = 'INVALID_PRODUCER_EPOCH';
const lostHistory: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID']);

export function verdictOf(error: RivuletClientError, tried: Tried): Verdict {
  if (error.outcome === 'written' || error.errorCode === 'DUPLICATE_SEQUENCE_NUMBER') return 'written';
  if (tried.transactional) return error.retriable ? 'again' : 'failed';
  if (tried.idempotent && error.errorCode === fenced) {
    // Earlier batches may be in the log. Their outcome must be known first, and they must be sent first.
    if (!tried.oldest) return 'again';
    return tried.certain ? 'renew' : 'failed';
  }
  if (tried.idempotent && lostHistory.has(error.errorCode)) {
    // An earlier batch is still on its way, or a copy of these batches may be.
    return tried.oldest && tried.certain ? 'renew' : 'again';
  }
  return error.retriable ? 'again' : 'failed';
}
