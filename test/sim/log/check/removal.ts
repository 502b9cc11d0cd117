// These checks judge what removes records: delete-records, retention and compaction. They know every record that was
// committed. If a reader does not see one, something must explain that by then. Nothing that a reader has missed, and
// nothing below a log start, may come back.
import type { History, PlacedRecord, Poll, Removal, RemovalRequest, Send } from '../history.ts';
import type { Anomaly, AnomalyName, Log } from './anomaly.ts';
import type { MayBeGone } from './reads.ts';

type Known = PlacedRecord & {
  readonly key: string | undefined;
  readonly isTombstone: boolean;
  /** The record was not committed before. */
  readonly sentMs: number;
};

export type Ledger = {
  readonly known: ReadonlyMap<number, Known>;
  readonly requests: readonly RemovalRequest[];
  readonly removal: Removal;
  /** The newer records of the same key, which existed by then. */
  newerThan(record: Known, atMs: number): readonly Known[];
  readonly mayBeGone: MayBeGone;
  /** The log as if nothing had been removed. */
  whole(log: Log): Log;
};

export function createLedger(removal: Removal, partition: number, sends: readonly Send[]): Ledger {
  const requests = removal.requests.filter((request) => request.partition === partition);
  const senders = new Map(sends.flatMap((send) => send.values.map((value) => [value, send] as const)));
  const known = new Map(
    (removal.committed.get(partition) ?? []).map((record) => [
      record.offset,
      knownOf(record, senders.get(record.value)),
    ]),
  );
  const byKey = Map.groupBy(known.values(), ({ key }) => key);
  const newerThan = (record: Known, atMs: number) =>
    record.key === undefined
      ? []
      : byKey.get(record.key)!.filter(({ offset, sentMs }) => offset > record.offset && sentMs <= atMs);
  const mayBeGone = (offset: number, atMs: number): boolean => {
    const record = known.get(offset);
    if (!record) return false;
    const isOlderThan = (ms: number | undefined) => ms !== undefined && record.sentMs + ms <= atMs + removal.skewMs;
    return (
      requests.some(({ to, begunMs }) => offset < to && begunMs <= atMs) ||
      isOlderThan(removal.retentionMs) ||
      (removal.deleteRetentionMs !== undefined && newerThan(record, atMs).length > 0) ||
      (record.isTombstone && isOlderThan(removal.deleteRetentionMs))
    );
  };
  const whole = (log: Log): Log => {
    const all = new Map<number, PlacedRecord>([...known, ...log.map((record) => [record.offset, record] as const)]);
    return [...all.values()].sort((a, b) => a.offset - b.offset);
  };
  return { known, requests, removal, newerThan, mayBeGone, whole };
}

const knownOf = (record: PlacedRecord, send: Send | undefined): Known => ({
  ...record,
  key: send?.keys?.[send.values.indexOf(record.value)],
  isTombstone: send?.tombstones?.includes(record.value) ?? false,
  sentMs: send?.begunMs ?? Number.NEGATIVE_INFINITY,
});

/** Records that were removed, and objects that were replaced, are no damage. */
export const checkDamage = ({ sends, damage = [] }: History): Anomaly[] =>
  [...damage, ...sends.flatMap((send) => send.damage ?? [])].map((detail) => ({
    name: 'damage in a sound log',
    detail,
  }));

export function checkRemoval(ledger: Ledger, polls: readonly Poll[], final: Log | undefined): Anomaly[] {
  const heard = polls.filter(({ endedMs }) => endedMs !== undefined).sort((a, b) => a.endedMs! - b.endedMs!);
  const views = [...polls.map(viewOf), ...(final ? [finalView(ledger, final)] : [])];
  const missed = missedOffsets(views);
  return [
    ...(final ? checkMissing(ledger, final) : []),
    ...polls.flatMap((poll) => checkStart(ledger, poll)),
    ...checkStartsInOrder(polls, heard),
    ...views.flatMap((view) => [...checkServed(ledger, view, missed), ...checkResurrected(ledger, view, missed)]),
    ...checkTombstonesSeen(ledger, heard),
  ];
}

/** Each record that is not in the log in the end may be gone. */
function checkMissing(ledger: Ledger, final: Log): Anomaly[] {
  const there = new Set(final.map(({ offset }) => offset));
  return [...ledger.known.values()]
    .filter(
      ({ offset }) =>
        !there.has(offset) && !ledger.mayBeGone(offset, ledger.removal.finalMs ?? Number.POSITIVE_INFINITY),
    )
    .map((record) => {
      const isOfKey = ledger.removal.deleteRetentionMs !== undefined && record.key !== undefined;
      return found(isOfKey ? 'last record of a key missing' : 'gone before its time', record, 'not in the log');
    });
}

/** Each record below the log start that a reader was told may be gone by then. */
function checkStart(ledger: Ledger, { client, logStart = 0, endedMs = Number.POSITIVE_INFINITY }: Poll): Anomaly[] {
  return [...ledger.known.values()]
    .filter(({ offset }) => offset < logStart && !ledger.mayBeGone(offset, endedMs))
    .map((record) => found('gone before its time', record, `${client} is told the log starts at ${logStart}`));
}

/** The log start never goes back, for one client, or from a read that ended to one that begins later. */
function checkStartsInOrder(polls: readonly Poll[], heard: readonly Poll[]): Anomaly[] {
  const own = new Map<string, number>();
  return polls
    .filter(({ logStart }) => logStart !== undefined)
    .toSorted((a, b) => a.begunMs - b.begunMs)
    .flatMap((poll) => {
      const earlier = heard.filter(({ endedMs }) => endedMs! < poll.begunMs).map(({ logStart = 0 }) => logStart);
      const before = Math.max(own.get(poll.client) ?? 0, ...earlier);
      own.set(poll.client, Math.max(before, poll.logStart!));
      const detail = `${poll.client} at ${poll.offset}: it is ${poll.logStart}, before it was ${before}`;
      return poll.logStart! < before ? [{ name: 'log start went back' as const, detail }] : [];
    });
}

/** A view is what somebody saw of the log at a time: a read, or the log in the end. */
type View = {
  readonly who: string;
  readonly begunMs: number;
  readonly endedMs: number;
  readonly shown: ReadonlyMap<number, string>;
  /** The offsets that it passes over, because nothing stands there. */
  readonly passed: readonly number[];
};

function viewOf({ client, offset: from, begunMs, endedMs = Number.POSITIVE_INFINITY, records, next = 0 }: Poll): View {
  const shown = new Map(records.map(({ offset, value }) => [offset, value]));
  const end = Math.max(next, (records.at(-1)?.offset ?? -1) + 1);
  const passed: number[] = [];
  for (let offset = from; offset < end; offset++) if (!shown.has(offset)) passed.push(offset);
  return { who: `${client} at ${from}`, begunMs, endedMs, shown, passed };
}

function finalView({ known }: Ledger, final: Log): View {
  const shown = new Map(final.map(({ offset, value }) => [offset, value]));
  const passed = [...known.keys()].filter((offset) => !shown.has(offset));
  const atMs = Number.MAX_SAFE_INTEGER;
  return { who: 'the log in the end', begunMs: atMs, endedMs: atMs, shown, passed };
}

/** The first view that passed over an offset. */
type Missed = ReadonlyMap<number, View>;

function missedOffsets(views: readonly View[]): Missed {
  const missed = new Map<number, View>();
  for (const view of views.toSorted((a, b) => a.endedMs - b.endedMs))
    for (const offset of view.passed) if (!missed.has(offset)) missed.set(offset, view);
  return missed;
}

/** No read shows what was removed before it began: by a request that was answered, or as an earlier read shows. */
function checkServed({ known, requests }: Ledger, view: View, missed: Missed): Anomaly[] {
  const answered = requests.filter(({ endedMs = Number.POSITIVE_INFINITY }) => endedMs < view.begunMs);
  const removedTo = Math.max(0, ...answered.map(({ to }) => to));
  return [...view.shown.keys()].flatMap((offset) => {
    const record = known.get(offset);
    const earlier = missed.get(offset);
    const wasMissed = earlier !== undefined && earlier.endedMs < view.begunMs;
    if (!record || (offset >= removedTo && !wasMissed)) return [];
    const why = offset < removedTo ? `removed below ${removedTo}` : `${earlier!.who} did not show it`;
    return [found('served after it was removed', record, `${view.who} shows it, ${why}`)];
  });
}

/** A value is not seen if a younger tombstone of its key is gone already. */
function checkResurrected({ known }: Ledger, view: View, missed: Missed): Anomaly[] {
  const gone = [...missed].flatMap(([offset, earlier]) => {
    const record = known.get(offset);
    // One read is no snapshot: several passes may go by while it takes place. The log in the end is one.
    const isKnown = earlier.endedMs < view.begunMs || (earlier === view && view.endedMs === view.begunMs);
    return record?.isTombstone && isKnown ? [record] : [];
  });
  return gone.flatMap((tombstone) =>
    [...view.shown.keys()]
      .filter((offset) => offset < tombstone.offset && known.get(offset)?.key === tombstone.key)
      .map((offset) =>
        found('value resurrected', known.get(offset)!, `${view.who} shows it, ${tombstone.value} is gone`),
      ),
  );
}

/**
 * A reader that has seen a value comes to the tombstone of its key within the time that tombstones are kept. It must see
 * the tombstone, unless a newer record of the key is there, or somebody asked for its removal.
 */
function checkTombstonesSeen(ledger: Ledger, heard: readonly Poll[]): Anomaly[] {
  const { known, removal, requests } = ledger;
  if (removal.deleteRetentionMs === undefined) return [];
  const keptMs = removal.deleteRetentionMs - removal.skewMs;
  return heard.flatMap((poll) => {
    const missed = viewOf(poll).passed.flatMap((offset) => known.get(offset) ?? []);
    return missed
      .filter(({ isTombstone, offset }) => isTombstone && !requests.some(({ to }) => offset < to))
      .filter((tombstone) => ledger.newerThan(tombstone, poll.endedMs!).length === 0)
      .filter((tombstone) => {
        const isOlder = ({ offset }: PlacedRecord) =>
          offset < tombstone.offset && known.get(offset)?.key === tombstone.key;
        const mine = heard.filter(({ client, endedMs }) => client === poll.client && endedMs! <= poll.begunMs);
        return mine.some(({ begunMs, records }) => poll.endedMs! - begunMs < keptMs && records.some(isOlder));
      })
      .map((tombstone) => found('gone before its time', tombstone, `${poll.client} saw its value, and not its end`));
  });
}

const found = (name: AnomalyName, { offset, value }: Known, detail: string): Anomaly => ({
  name,
  detail: `${value} at ${offset}: ${detail}`,
});
