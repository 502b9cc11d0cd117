// The checker: judges a history by what clients saw alone. An empty list is a clean bill.
//
// What it takes for granted: a client sends its batches to a partition in the order of `order`; values are unique in the
// history; the final log was read when no copy of any request was on its way any more.
import type { History } from '../history.ts';
import type { Anomaly } from './anomaly.ts';
import { checkEpochs, checkPredecessors, checkProducerOrder, checkRealTime, checkTold } from './order.ts';
import { checkDeletedReads, checkReads } from './reads.ts';
import { checkAcks, checkCopies, checkDeletedWrites, checkDensity, checkOutcomes, checkOwners } from './writes.ts';

export function check(history: History): Anomaly[] {
  const { sends, polls, finalLog, disturbances, deletedMs } = history;
  const found = [...finalLog].flatMap(([partition, log]) => {
    const written = sends.filter((send) => send.partition === partition);
    const read = polls.filter((poll) => poll.partition === partition);
    const offsetsOf = offsetsByValue(log);
    return [
      ...checkDensity(log),
      ...checkOwners(written, log),
      ...checkAcks(written, log),
      ...checkCopies(written, log, offsetsOf),
      ...checkOutcomes(written, log, offsetsOf, disturbances),
      ...checkTold(written),
      ...checkProducerOrder(written, offsetsOf),
      ...checkPredecessors(written, offsetsOf),
      ...checkEpochs(written, offsetsOf),
      ...checkRealTime(written, read),
      ...checkReads(written, read, log),
    ];
  });
  if (deletedMs === undefined) return found;
  return [...found, ...checkDeletedWrites(sends, deletedMs), ...checkDeletedReads(polls, deletedMs)];
}

function offsetsByValue(log: readonly { offset: number; value: string }[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { offset, value } of log) found.set(value, [...(found.get(value) ?? []), offset]);
  return found;
}
