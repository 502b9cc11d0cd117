// Tells whether a request comes from the newest instance of a transactional id. Over HTTP a token proves that; over Kafka's
// protocol the producer id with its epoch, which grows with every instance.
import { type Outcome, RivuletError } from '../api/errors.ts';
import type { ProducerRef, TransactionRef } from '../api/transactions.ts';
import { hasToken, type TransactionItem } from './item.ts';
import { fencedBy } from './refusals.ts';

/** The number may be left out over Kafka's protocol, which has none: then the current transaction is meant. */
export type Ref = TransactionRef | (ProducerRef & { readonly transaction?: number });

/** Throws if a newer instance has begun, or if there is no such instance. */
export function checkNewest(
  item: TransactionItem | undefined,
  ref: Ref,
  outcome: Outcome = 'not-written',
): asserts item is TransactionItem {
  const refusal = 'token' in ref ? whyNotByToken(item, ref, outcome) : whyNotByProducer(item, ref, outcome);
  if (refusal) throw refusal;
}

const whyNotByToken = (item: TransactionItem | undefined, ref: TransactionRef, outcome: Outcome) =>
  item && hasToken(item, ref.token) ? undefined : fencedBy(ref, outcome);

function whyNotByProducer(
  item: TransactionItem | undefined,
  ref: ProducerRef,
  outcome: Outcome,
): RivuletError | undefined {
  const { transactionalId, producerId, producerEpoch, signal } = ref;
  // A repeat may have been answered, and the client may be in its next transaction, which has the same epoch.
  const hasGone = signal?.aborted === true;
  if (hasGone)
    return new RivuletError('CONCURRENT_TRANSACTIONS', `the client of ${transactionalId} has gone`, { outcome });
  if (item && hasGoneOn(item, ref))
    return new RivuletError(
      'INVALID_TXN_STATE',
      `the transaction of epoch ${producerEpoch} of ${transactionalId} has ended: abort it, and initialize again`,
      { outcome },
    );
  const isSameProducer = item?.state !== 'c' && item?.producerId === producerId;
  if (!isSameProducer)
    return new RivuletError(
      'TRANSACTIONAL_ID_NOT_FOUND',
      `there is no transactional id ${transactionalId} with producer id ${producerId}: initialize it again`,
      { outcome },
    );
  const isNewest = item.isOfKafka && item.producerEpoch === producerEpoch;
  if (isNewest) return undefined;
  return new RivuletError(
    'PRODUCER_FENCED',
    `producer epoch: expected ${item.producerEpoch}, that of the newest instance of ${transactionalId}, got ${producerEpoch}`,
    { outcome },
  );
}

/** The request is of the newest instance, which does not know its epoch yet. */
export const hasGoneOn = (
  { state, isOfKafka, producerIdBefore, epochBefore }: TransactionItem,
  ref: Pick<ProducerRef, 'producerId' | 'producerEpoch'>,
): boolean => state !== 'c' && isOfKafka && producerIdBefore === ref.producerId && epochBefore === ref.producerEpoch;
