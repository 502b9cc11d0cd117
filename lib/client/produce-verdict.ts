// What to do with batches that were not simply acknowledged. Pure: the whole policy of the producer's retries.
//
// Two facts rule it. A sequence number that may have been used for some records must never be used for others, nor be
// left out. And an answer of "not written" speaks of one try only: an earlier try that was never answered may still land.
import type { RivuletClientError } from './client-error.ts';

export type Verdict =
  /** It is in the log, though perhaps nobody knows where any more. */
  | 'written'
  /** The same bytes once more. */
  | 'again'
  /** The log has lost this producer's history and surely holds none of it: the same records under a new producer id. */
  | 'renew'
  | 'failed';

export type Tried = {
  /** Every try so far, this one included, is known to have written nothing. */
  readonly certain: boolean;
  /** Nothing of this partition that was sent earlier is still without an answer. */
  readonly oldest: boolean;
  readonly idempotent: boolean;
  /** It has been given a new producer id before: a second time would be a loop. */
  readonly renewed: boolean;
};

const lostHistory: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID']);

export function verdictOf(error: RivuletClientError, tried: Tried): Verdict {
  if (error.outcome === 'written' || error.errorCode === 'DUPLICATE_SEQUENCE_NUMBER') return 'written';
  if (tried.idempotent && lostHistory.has(error.errorCode)) {
    // A predecessor is on its way still; or a copy of these very batches may be.
    if (!tried.oldest || !tried.certain) return 'again';
    return tried.renewed ? 'failed' : 'renew';
  }
  return error.retriable ? 'again' : 'failed';
}
