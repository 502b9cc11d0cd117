// The batches of each transaction have an epoch of their own, so that a batch of an earlier one, which arrives late, does not
// pass for one of the next. A new producer id is taken when the epochs of the current one are used up.
import type { GroupContext } from '../group/context.ts';
import { newProducerId } from '../producer/ids.ts';
import type { TransactionItem } from './item.ts';

/** Epochs have 16 bits with a sign in the batches. */
const greatestEpoch = 32_766;

export type NextProducer = { readonly cp: number; readonly ce: number };

export async function producerAfter(
  { table }: GroupContext,
  { producerId, producerEpoch }: TransactionItem,
): Promise<NextProducer> {
  const hasEpochsLeft = producerEpoch < greatestEpoch;
  return hasEpochsLeft ? { cp: producerId, ce: producerEpoch + 1 } : { cp: await newProducerId(table), ce: 0 };
}
