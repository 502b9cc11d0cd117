// The checker judges a history only by what clients saw. An empty list means that nothing is wrong. The checker assumes
// that a client sends its batches to a partition in the order of `order`, that values are unique in the history, and
// that the final log was read when no copy of any request was on its way any more. A partition without a final log (its
// topic was deleted) is judged by the answers alone. Where records are removed, an observer at the stores has seen all of
// them: the checks of writes judge what was committed, and removal.ts judges what can still be read.
import type { History, Poll, Send } from '../history.ts';
import type { Anomaly, Log } from './anomaly.ts';
import { checkCauses } from './causes.ts';
import { checkEpochs, checkPredecessors, checkProducerOrder, checkRealTime, checkTold } from './order.ts';
import { checkAcknowledged, checkDeletedReads, checkRecords, checkWatermarks, type MayBeGone } from './reads.ts';
import { checkDamage, checkRemoval, createLedger } from './removal.ts';
import {
  checkAcks,
  checkCopies,
  checkDeletedWrites,
  checkDensity,
  checkOutcomes,
  checkOwners,
  checkPatience,
} from './writes.ts';

export function check(history: History): Anomaly[] {
  const { sends, polls, finalLog, deletedMs, removal } = history;
  const partitions = new Set([...finalLog.keys(), ...[...sends, ...polls].map(({ partition }) => partition)]);
  const found = [...partitions].flatMap((partition) => {
    const written = sends.filter((send) => send.partition === partition);
    const read = polls.filter((poll) => poll.partition === partition);
    const log = finalLog.get(partition);
    const ledger = removal && createLedger(removal, partition, written);
    return [
      ...checkTold(written),
      ...checkPatience(written),
      ...checkRealTime(written, read),
      ...checkAcknowledged(written, read),
      ...checkWatermarks(read),
      ...(ledger ? checkRemoval(ledger, read, log) : []),
      ...(log ? checkLog(history, written, read, ledger?.whole(log) ?? log, ledger?.mayBeGone) : []),
    ];
  });
  found.push(...(history.stores ?? []), ...(removal ? checkDamage(history) : []));
  if (deletedMs === undefined) return found;
  return [...found, ...checkDeletedWrites(sends, deletedMs), ...checkDeletedReads(polls, deletedMs)];
}

const staysForEver: MayBeGone = () => false;

/** Compares the answers that clients got with the log in the end. */
function checkLog(
  history: History,
  sends: readonly Send[],
  polls: readonly Poll[],
  log: Log,
  mayBeGone: MayBeGone = staysForEver,
): Anomaly[] {
  const offsetsOf = offsetsByValue(log);
  return [
    ...checkDensity(log),
    ...checkOwners(sends, log),
    ...checkAcks(sends, log),
    ...checkCopies(sends, log, offsetsOf),
    ...checkOutcomes(sends, offsetsOf),
    ...checkCauses(sends, log, history),
    ...checkProducerOrder(sends, offsetsOf),
    ...checkPredecessors(sends, offsetsOf),
    ...checkEpochs(sends, offsetsOf),
    ...polls.flatMap((poll) => checkRecords(poll, log, mayBeGone)),
  ];
}

function offsetsByValue(log: Log): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { offset, value } of log) found.set(value, [...(found.get(value) ?? []), offset]);
  return found;
}
