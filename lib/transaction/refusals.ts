// The errors of transactions. Their texts say what became of the transaction, and what to do.
import { type Outcome, RivuletError } from '../api/errors.ts';
import { refused } from '../api/refusal.ts';
import type { TransactionRef } from '../api/transactions.ts';
import type { TransactionItem } from './item.ts';

export const expiredId = (transactionalId: string) =>
  refused(
    'TRANSACTIONAL_ID_NOT_FOUND',
    `transactional id ${transactionalId} was not used for seven days: initialize it again`,
  );

export const unknownId = (transactionalId: string) =>
  refused(
    'TRANSACTIONAL_ID_NOT_FOUND',
    `there is no transactional id ${transactionalId}, or it was not used for seven days`,
  );

/** A caller with another token learns no more than this, also if there is no such id. */
export const fencedBy = ({ transactionalId }: TransactionRef, outcome: Outcome = 'not-written') =>
  new RivuletError(
    'PRODUCER_FENCED',
    `the token is not that of transactional id ${transactionalId}: another instance has initialized it since, an operator has aborted its transaction, or it was not used for seven days. This instance must stop, or initialize again`,
    { outcome },
  );

export const isOver = ({ transactionalId, last }: TransactionItem, asked: number, outcome: Outcome = 'not-written') =>
  new RivuletError(
    'INVALID_TXN_STATE',
    `transaction ${asked} of ${transactionalId} is over${last?.number === asked ? `: it was ${last.outcome}` : ''}`,
    { outcome },
  );

export const notBegun = ({ transactionalId, number }: TransactionItem, asked: number) =>
  refused('INVALID_TXN_STATE', `transaction: expected ${number}, the current one of ${transactionalId}, got ${asked}`);

export const timedOut = ({ transactionalId, number, timeoutMs }: TransactionItem) =>
  refused(
    'INVALID_TXN_STATE',
    `transaction ${number} of ${transactionalId} was aborted, because it was open for longer than its time-out of ${timeoutMs} ms`,
  );

export const beingEnded = ({ transactionalId, number }: TransactionItem) =>
  new RivuletError(
    'CONCURRENT_TRANSACTIONS',
    `transaction ${number} of ${transactionalId} is being ended: send the same request again`,
    { outcome: 'unknown' },
  );
