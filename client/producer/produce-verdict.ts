// What to do with batches that were not simply acknowledged. Pure: the whole policy of the producer's retries.
//
// Two facts rule it. A sequence number that may have been used for some records must never be used for others, nor be
// left out. And an answer of "not written" speaks of one try only: an earlier try that was never answered may still land.
import type { RivuletClientError } from '../client-error.ts';

export type Verdict =
  /** It is in the log, though perhaps nobody knows where any more. */
  | 'written'
  /** The same bytes once more. */
  | 'again'
  /** The log surely holds none of it and will take none under this producer id: the same records under a new one. */
  | 'renew'
  | 'failed';

export type Tried = {
  /** Every try so far, this one included, is known to have written nothing. */
  readonly certain: boolean;
  /** Nothing of this partition that was sent earlier is still without an answer. */
  readonly oldest: boolean;
  readonly idempotent: boolean;
};

/** Another writes under our producer id, at a newer epoch: our sequences will never be taken again, and no copy can land. */
const fenced = 'INVALID_PRODUCER_EPOCH';
const lostHistory: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID']);

export function verdictOf(error: RivuletClientError, tried: Tried): Verdict {
  if (error.outcome === 'written' || error.errorCode === 'DUPLICATE_SEQUENCE_NUMBER') return 'written';
  if (tried.idempotent && error.errorCode === fenced) {
    // What was sent earlier may be in the log: it must be known first, and goes first.
    if (!tried.oldest) return 'again';
    return tried.certain ? 'renew' : 'failed';
  }
  if (tried.idempotent && lostHistory.has(error.errorCode)) {
    // A predecessor is on its way still; or a copy of these very batches may be.
    return tried.oldest && tried.certain ? 'renew' : 'again';
  }
  return error.retriable ? 'again' : 'failed';
}
