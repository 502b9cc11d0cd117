// The batches of each transaction have an epoch of their own, so that a batch of an earlier one, which arrives late, does not
// pass for one of the next. A new producer id is taken when the epochs of the current one are used up.
import type { GroupContext } from '../group/context.ts';
import { newProducerId } from '../producer/ids.ts';
import type { NextProducer, TransactionItem } from './item.ts';

/** Epochs have 16 bits with a sign in the batches. */
const greatestEpoch = 32_766;

/**
 * After an end that the instance itself asked for. Clients of Kafka's protocol keep their epoch, and count on, unless what they
 * staged opened the transaction.
 */
export async function producerGoingOn(context: GroupContext, item: TransactionItem): Promise<NextProducer> {
  if (!item.isOfKafka) return producerAfter(context, item);
  return item.raisesEpoch ? producerRaised(context, item) : { cp: item.producerId, ce: item.producerEpoch };
}

/** The reply tells the new epoch. An instance that does not get it asks again with the old one. */
export async function producerRaised(context: GroupContext, item: TransactionItem): Promise<NextProducer> {
  const next = await producerAfter(context, item);
  const isOther = next.cp !== item.producerId;
  return { ...next, pe: item.producerEpoch, ...(isOther && { pi: item.producerId }) };
}

/**
 * After an end that the instance has not asked for, and may not know of. The old epoch must not add to the next transaction:
 * that one would be committed without what was staged before the end. The instance itself may go on from the old epoch.
 */
export async function producerAfterTimeout(context: GroupContext, item: TransactionItem): Promise<NextProducer> {
  const next = await producerAfter(context, item);
  const mayGoOn = item.isOfKafka && next.cp === item.producerId;
  return mayGoOn ? { ...next, pe: item.producerEpoch } : next;
}

export async function producerAfter(
  { table }: GroupContext,
  { producerId, producerEpoch }: TransactionItem,
): Promise<NextProducer> {
  const hasEpochsLeft = producerEpoch < greatestEpoch;
  return hasEpochsLeft ? { cp: producerId, ce: producerEpoch + 1 } : { cp: await newProducerId(table), ce: 0 };
}
