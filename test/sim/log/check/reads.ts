// These checks judge reads. A read shows the records of the log and every record acknowledged before it began, and no
// less than earlier reads showed.
import { ackOf, type Poll, type Send } from '../history.ts';
import type { Anomaly, AnomalyName, Log } from './anomaly.ts';

const anomaly = (name: AnomalyName, poll: Poll, detail: string): Anomaly => ({
  name,
  detail: `${poll.client} at ${poll.offset}: ${detail}`,
});

const inOrder = (polls: readonly Poll[]) => [...polls].sort((a, b) => a.begunMs - b.begunMs);

/** Says whether the record at an offset may have been removed by then. */
export type MayBeGone = (offset: number, atMs: number) => boolean;

/**
 * A read shows the log from the requested offset on, without a hole, and returns at least one record if there is one.
 * Where records are removed, it may pass over those that may be gone.
 */
export function checkRecords(poll: Poll, log: Log, mayBeGone: MayBeGone): Anomaly[] {
  const { offset: from, highWatermark, records, next = from, logStart = 0 } = poll;
  const hole = holeIn(poll, mayBeGone);
  const foreign = records.find(({ offset, value }) => log[offset]?.value !== value);
  const isEmpty = records.length === 0 && next === from && logStart <= from;
  return [
    ...(hole === undefined ? [] : [anomaly('read a hole', poll, `nothing stands at ${hole}`)]),
    ...(foreign
      ? [
          anomaly(
            'read what is not in the log',
            poll,
            `${foreign.value} at ${foreign.offset}, the log has ${log[foreign.offset]?.value}`,
          ),
        ]
      : []),
    ...(highWatermark > log.length
      ? [anomaly('read what is not in the log', poll, `its end is ${highWatermark}, the log's ${log.length}`)]
      : []),
    ...(from < highWatermark && isEmpty
      ? [anomaly('read nothing of what there is', poll, `its end is ${highWatermark}`)]
      : []),
  ];
}

/** The first offset that the read passes over although its record must be there. */
function holeIn({ offset, records, next = 0, endedMs = Number.POSITIVE_INFINITY }: Poll, mayBeGone: MayBeGone) {
  let expected = offset;
  const skipTo = (to: number) => {
    while (expected < to && mayBeGone(expected, endedMs)) expected++;
    return expected === to;
  };
  for (const record of records) {
    if (!skipTo(record.offset)) return expected;
    expected++;
  }
  return next <= expected || skipTo(next) ? undefined : expected;
}

/** A record that was acknowledged before a read began lies below the end that the read reports. */
export function checkAcknowledged(sends: readonly Send[], reads: readonly Poll[]): Anomaly[] {
  const polls = inOrder(reads);
  const acked = sends.filter((send) => ackOf(send) !== undefined).sort((a, b) => a.endedMs - b.endedMs);
  let readable = 0;
  let next = 0;
  return polls.flatMap((poll) => {
    for (; next < acked.length && acked[next]!.endedMs < poll.begunMs; next++) {
      readable = Math.max(readable, ackOf(acked[next]!)! + acked[next]!.values.length);
    }
    const detail = `its end is ${poll.highWatermark}, but ${readable} was acknowledged`;
    return poll.highWatermark < readable ? [anomaly('acknowledged but not readable', poll, detail)] : [];
  });
}

/**
 * The end of a partition never goes back, neither for one client, nor for a client whose read begins after another
 * client's read ended.
 */
export function checkWatermarks(reads: readonly Poll[]): Anomaly[] {
  const polls = inOrder(reads);
  const highest = new Map<string, number>();
  const heard = polls.filter(({ endedMs }) => endedMs !== undefined).sort((a, b) => a.endedMs! - b.endedMs!);
  let ofAll = 0;
  let passed = 0;
  return polls.flatMap((poll) => {
    for (; passed < heard.length && heard[passed]!.endedMs! < poll.begunMs; passed++)
      ofAll = Math.max(ofAll, heard[passed]!.highWatermark);
    const before = Math.max(ofAll, highest.get(poll.client) ?? 0);
    highest.set(poll.client, Math.max(before, poll.highWatermark));
    const detail = `its end is ${poll.highWatermark}, before it was ${before}`;
    return poll.highWatermark < before ? [anomaly('read goes back', poll, detail)] : [];
  });
}

export function checkDeletedReads(polls: readonly Poll[], deletedMs: number): Anomaly[] {
  return polls
    .filter((poll) => poll.begunMs > deletedMs)
    .map((poll) => anomaly('read after the deletion', poll, `${poll.records.length} records`));
}
