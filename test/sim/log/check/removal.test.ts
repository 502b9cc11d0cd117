// A clean history in which records are removed is spoiled in each way that the checker must see, and no other. Partition
// 0 is compacted. Records of partition 1 are deleted by request.
import { expect, test } from 'vitest';
import type { History, PlacedRecord, Poll, RemovalRequest, Send } from '../history.ts';
import { type AnomalyName, removalAnomalyNames } from './anomaly.ts';
import { check } from './check.ts';

const deleteRetentionMs = 60_000;
const finalMs = 300_000;

/** One send of one record. Its value names its key and its order, for example "a1"; a tombstone ends in "-". */
const send = (partition: number, value: string, offset: number, begunMs: number): Send => ({
  client: `${partition}${value[0]}`,
  order: Number(value[1]),
  partition,
  values: [value],
  ...(partition === 0 && { keys: [value[0]!] }),
  ...(value.endsWith('-') && { tombstones: [value] }),
  idempotent: true,
  begunMs,
  triedMs: [begunMs],
  tries: [offset],
  endedMs: begunMs + 10,
});

const at = (offset: number, value: string): PlacedRecord => ({ offset, value });

const poll = (begunMs: number, offset: number, records: readonly PlacedRecord[], more: Partial<Poll> = {}): Poll => ({
  client: 'r',
  partition: 0,
  offset,
  begunMs,
  endedMs: begunMs + 100,
  highWatermark: 6,
  logStart: 0,
  records,
  ...more,
});

/** The value b0 has the tombstone b1-, which is gone in the end. The value a0 is older than a1. */
function cleanHistory() {
  const written = ['a0', 'b0', 'a1', 'b1-', 'c0', 'd0'];
  const sends = written.map((value, offset) => send(0, value, offset, 1_000 + offset * 10));
  const others = ['x0', 'x1', 'x2', 'x3', 'x4', 'x5'].map((value, offset) => send(1, value, offset, 1_000));
  const polls = [
    poll(2_000, 0, [at(0, 'a0'), at(1, 'b0'), at(2, 'a1')]),
    poll(3_000, 3, [at(3, 'b1-'), at(4, 'c0'), at(5, 'd0')]),
    poll(200_000, 0, [at(2, 'a1'), at(4, 'c0')], { client: 's', next: 5 }),
    poll(2_000, 1, [at(1, 'x1'), at(2, 'x2')], { client: 't', partition: 1 }),
    poll(6_000, 0, [], { client: 'u', partition: 1, logStart: 3 }),
    poll(6_500, 3, [at(3, 'x3')], { client: 'u', partition: 1, logStart: 3 }),
  ];
  const requests: RemovalRequest[] = [
    { partition: 1, to: 3, begunMs: 4_000, endedMs: 5_000 },
    { partition: 1, to: 4, begunMs: 7_000 },
  ];
  const log = [at(2, 'a1'), at(4, 'c0'), at(5, 'd0')];
  const other = [at(3, 'x3'), at(4, 'x4'), at(5, 'x5')];
  return { sends: [...sends, ...others], polls, requests, log, other };
}

type Clean = ReturnType<typeof cleanHistory>;

const historyOf = ({ sends, polls, requests, log, other }: Clean, policy: object = { deleteRetentionMs }): History => {
  const committed = new Map([0, 1].map((partition) => [partition, committedTo(partition, sends)]));
  const finalLog = new Map([
    [0, log],
    [1, other],
  ]);
  return { sends, polls, finalLog, removal: { committed, requests, skewMs: 0, finalMs, ...policy } };
};

const committedTo = (partition: number, sends: readonly Send[]) =>
  sends.filter((each) => each.partition === partition).map(({ values, tries }) => at(tries[0] as number, values[0]!));

const namesIn = (history: History) => [...new Set(check(history).map(({ name }) => name))];

const spoiled: Record<(typeof removalAnomalyNames)[number], Record<string, (clean: Clean) => Clean | History>> = {
  'gone before its time': {
    'nobody asked for so much': (clean) => ({ ...clean, other: clean.other.slice(2) }),
    'a reader is told of a log start before anybody asked for it': (clean) => ({
      ...clean,
      polls: [poll(2_000, 0, [], { partition: 1, logStart: 2 })],
    }),
    'retention took a record that was too young': (clean) =>
      historyOf(
        { ...clean, polls: [poll(8_000, 0, [], { partition: 1, logStart: 5 })] },
        { retentionMs: 7_101, deleteRetentionMs },
      ),
    'a reader sees the value, and a tombstone of its key is gone soon after': (clean) => ({
      ...clean,
      polls: [poll(100_000, 1, [at(1, 'b0'), at(2, 'a1')]), poll(110_000, 3, [at(4, 'c0'), at(5, 'd0')])],
    }),
  },
  'served after it was removed': {
    'a request to remove it was answered': (clean) => ({
      ...clean,
      polls: [poll(5_500, 2, [at(2, 'x2')], { client: 't', partition: 1 })],
    }),
    'an earlier read did not show it any more': (clean) => ({
      ...clean,
      polls: [...clean.polls, poll(210_000, 0, [at(0, 'a0'), at(2, 'a1')])],
    }),
    'it is in the log in the end': (clean) => ({ ...clean, other: [at(2, 'x2'), ...clean.other] }),
  },
  'last record of a key missing': {
    'a value that nothing follows': (clean) => ({ ...clean, log: clean.log.slice(1), polls: [] }),
    'a tombstone before its time': (clean) => ({
      ...clean,
      sends: [...clean.sends, send(0, 'e0-', 6, finalMs - deleteRetentionMs + 1)],
    }),
  },
  'value resurrected': {
    'in the log in the end': (clean) => ({ ...clean, polls: [], log: [at(1, 'b0'), ...clean.log] }),
    'for a reader': (clean) => ({
      ...clean,
      polls: [
        poll(100_000, 3, [at(4, 'c0')], { client: 's' }),
        poll(200_000, 0, [at(1, 'b0'), at(2, 'a1')], { client: 's' }),
      ],
    }),
  },
  'log start went back': {
    'for one client': (clean) => ({
      ...clean,
      polls: [
        poll(6_000, 3, [at(3, 'x3')], { client: 'u', partition: 1, logStart: 3, endedMs: 7_000 }),
        poll(6_500, 3, [at(3, 'x3')], { client: 'u', partition: 1, logStart: 2 }),
      ],
    }),
    'for a client whose read begins after another one ended': (clean) => ({
      ...clean,
      polls: [...clean.polls, poll(8_000, 3, [at(3, 'x3')], { client: 'v', partition: 1, logStart: 2 })],
    }),
  },
  'damage in a sound log': {
    'told to a reader, or by maintenance': (clean) => ({ ...historyOf(clean), damage: ['the segment is missing'] }),
    'told to a writer': ({ sends: [first, ...rest], ...clean }) => ({
      ...clean,
      sends: [{ ...first!, damage: ['an index page is missing'] }, ...rest],
    }),
  },
};

test('a clean history has no anomaly', () => {
  expect(check(historyOf(cleanHistory()))).toEqual([]);
});

test('what retention may have removed by then is no anomaly', () => {
  const clean = { ...cleanHistory(), polls: [poll(8_000, 0, [], { partition: 1, logStart: 5 })] };
  expect(check(historyOf(clean, { retentionMs: 7_100, deleteRetentionMs }))).toEqual([]);
});

test.each(removalAnomalyNames.flatMap((name) => Object.keys(spoiled[name]).map((how) => [name, how] as const)))(
  '%s: %s',
  (name: AnomalyName & keyof typeof spoiled, how) => {
    const found = spoiled[name][how]!(cleanHistory());
    expect(namesIn('log' in found ? historyOf(found) : found)).toEqual([name]);
  },
);

test('a retry that is written twice is seen, also if its first copy was removed before the end', () => {
  const { sends, other, ...clean } = cleanHistory();
  const history = historyOf({ ...clean, sends, other: [...other, at(6, 'x2')] });
  history.removal!.committed.get(1)!.push(at(6, 'x2'));
  expect(namesIn(history)).toContain('duplicate from an idempotent producer');
});
