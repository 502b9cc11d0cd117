// For each anomaly a clean history is spoiled so that it shows this one. The checker must report it, and no other.
import { expect, test } from 'vitest';
import type { History, Poll, Send } from '../history.ts';
import { anomalyNames } from './anomaly.ts';
import { check } from './check.ts';

type Told = Send['tries'][number];

/** One send of some tries. The `order`, the client and the values follow from its name, for example "a1". */
function send(name: string, values: number, begunMs: number, tries: readonly Told[], more: Partial<Send> = {}): Send {
  return {
    client: name[0]!,
    order: Number(name[1]),
    partition: 0,
    values: Array.from({ length: values }, (_, i) => `${name}.${i}`),
    idempotent: true,
    begunMs,
    triedMs: tries.map((_, i) => begunMs + i * 1_000),
    answeredMs: tries.map((_, i) => begunMs + i * 1_000 + 500),
    tries: [...tries],
    endedMs: begunMs + (tries.length - 1) * 1_000 + 500,
    ...more,
  };
}

const logOf = (...values: string[]) => values.map((value, offset) => ({ offset, value }));
const poll = (begunMs: number, offset: number, highWatermark: number, values: string[]): Poll => ({
  client: 'r',
  partition: 0,
  offset,
  begunMs,
  endedMs: begunMs + 100,
  highWatermark,
  records: values.map((value, i) => ({ offset: offset + i, value })),
});

/** a is a steady producer, b has no id, c is conditional, e is a producer in two epochs, and r is a reader. */
function cleanHistory() {
  const epoch = (number: number) => ({ producer: { id: 7, epoch: number } });
  const sends = {
    a0: send('a0', 2, 1_000, [0]),
    b0: send('b0', 1, 2_000, ['unknown', 2], { idempotent: false }),
    a1: send('a1', 1, 4_000, [3]),
    c0: send('c0', 1, 5_000, [4], { expectedOffset: 4 }),
    e0: send('e0', 1, 6_000, [5], epoch(0)),
    e1: send('e1', 1, 7_000, [6], epoch(0)),
    e2: send('e2', 1, 8_000, [7], epoch(1)),
    a2: send('a2', 1, 9_000, ['lost', 'not-written'], { gapsMs: [1_500] }),
  };
  const log = logOf('a0.0', 'a0.1', 'b0.0', 'a1.0', 'c0.0', 'e0.0', 'e1.0', 'e2.0');
  const polls = [poll(1_600, 0, 2, ['a0.0', 'a0.1']), poll(4_600, 2, 4, ['b0.0', 'a1.0'])];
  return { sends, polls, log, disturbances: [2_100, 2_200, 9_100, 10_100], doubts: [2_100, 9_100] };
}

type Clean = ReturnType<typeof cleanHistory>;

const historyOf = ({ sends, polls, log, disturbances, doubts }: Clean, deletedMs?: number): History => ({
  sends: Object.values(sends),
  polls,
  finalLog: new Map([[0, log]]),
  disturbances,
  doubts,
  ...(deletedMs !== undefined && { deletedMs }),
});

const namesIn = (history: History) => [...new Set(check(history).map(({ name }) => name))];

test('a clean history has no anomaly', () => {
  expect(check(historyOf(cleanHistory()))).toEqual([]);
});

/** Changes the clean history, or returns another one. */
const spoiled: Record<(typeof anomalyNames)[number], (clean: Clean) => Clean | History> = {
  'lost acknowledged write': ({ sends, log, ...rest }) => ({
    ...rest,
    sends: { ...sends, b1: send('b1', 1, 9_000, [8], { idempotent: false }) },
    log,
  }),
  'duplicate from an idempotent producer': (clean) => ({ ...clean, log: withLast(clean, 'a1.0') }),
  'unexplained duplicate': (clean) => ({ ...clean, log: withLast(clean, 'b0.0', 'b0.0') }),
  'torn batch': (clean) => ({
    ...clean,
    sends: { ...clean.sends, b1: send('b1', 2, 9_000, ['lost'], { idempotent: false }) },
    log: withLast(clean, 'b1.1'),
  }),
  'a record that nobody wrote': (clean) => ({ ...clean, log: withLast(clean, 'x0.0') }),
  'not-written was written': (clean) => ({
    ...clean,
    sends: { ...clean.sends, a2: send('a2', 1, 9_000, ['not-written']) },
    log: withLast(clean, 'a2.0'),
  }),
  'written was not written': (clean) => ({
    ...clean,
    sends: { ...clean.sends, a2: send('a2', 1, 9_000, ['written']) },
  }),
  'offset withheld': (clean) => ({
    ...clean,
    sends: { ...clean.sends, a2: send('a2', 1, 9_000, ['written']) },
    log: withLast(clean, 'a2.0'),
  }),
  'expected offset missed': (clean) => ({
    ...clean,
    sends: { ...clean.sends, c0: send('c0', 1, 5_000, [4], { expectedOffset: 3 }) },
  }),
  'unknown without a cause': (clean) => ({ ...clean, disturbances: [2_100, 9_100, 10_100] }),
  'refused without a cause': (clean) => ({ ...clean, disturbances: [2_100, 2_200, 9_100] }),
  'a gap is reported too early': (clean) => ({
    ...clean,
    sends: { ...clean.sends, a2: { ...clean.sends.a2, gapsMs: [1_700, 20] } },
  }),
  'acknowledged after the deletion': (clean) => historyOf(clean, 8_500 - 1_000),
  hole: (clean) => ({
    ...clean,
    log: clean.log.map(({ offset, value }, i) => ({ offset: i > 6 ? offset + 1 : offset, value })),
  }),
  // If the log were known, one of the two would count as lost as well.
  'an offset acknowledged for two records': ({ sends, polls }) => ({
    sends: [...Object.values(sends), send('c1', 1, 8_000, [7])],
    polls,
    finalLog: new Map(),
  }),
  'one write acknowledged at two offsets': (clean) => ({
    ...clean,
    sends: { ...clean.sends, b0: send('b0', 1, 2_000, [2, 8], { idempotent: false }) },
    log: withLast(clean, 'b0.0'),
  }),
  'reordered within a producer': (clean) => ({
    ...clean,
    sends: { ...clean.sends, a2: send('a2', 1, 9_000, ['lost']), a3: send('a3', 1, 9_050, ['lost']) },
    disturbances: [...clean.disturbances, 9_200, 9_300],
    log: withLast(clean, 'a3.0', 'a2.0'),
  }),
  'a predecessor is missing': (clean) => ({
    ...clean,
    sends: {
      ...clean.sends,
      e1: send('e1', 1, 7_000, ['lost'], { producer: { id: 7, epoch: 1 } }),
      e2: send('e2', 1, 8_000, [6], { producer: { id: 7, epoch: 1 } }),
    },
    disturbances: [...clean.disturbances, 7_100],
    doubts: [...clean.doubts, 7_100],
    log: logOf('a0.0', 'a0.1', 'b0.0', 'a1.0', 'c0.0', 'e0.0', 'e2.0'),
  }),
  'written by a fenced epoch': (clean) => ({
    ...clean,
    sends: { ...clean.sends, e1: send('e1', 1, 7_000, [6], { producer: { id: 7, epoch: 2 } }) },
  }),
  'reordered in real time': (clean) => ({
    ...clean,
    sends: { ...clean.sends, b0: send('b0', 1, 4_600, [2], { idempotent: false }) },
  }),
  'read what is not in the log': (clean) => ({ ...clean, polls: [poll(4_600, 2, 4, ['b0.0', 'a9.0'])] }),
  'read a hole': (clean) => ({
    ...clean,
    polls: [{ ...poll(4_600, 2, 4, []), records: [{ offset: 3, value: 'a1.0' }] }],
  }),
  'read nothing of what there is': (clean) => ({ ...clean, polls: [poll(4_600, 2, 4, [])] }),
  'acknowledged but not readable': (clean) => ({ ...clean, polls: [poll(4_600, 2, 3, ['b0.0'])] }),
  'read goes back': (clean) => ({
    ...clean,
    polls: [poll(4_550, 4, 5, ['c0.0']), { ...poll(4_700, 2, 4, ['b0.0', 'a1.0']), client: 's' }],
    sends: { ...clean.sends, c0: send('c0', 1, 4_500, [4], { expectedOffset: 4 }) },
  }),
  'read after the deletion': (clean) =>
    historyOf({ ...clean, polls: [...clean.polls, poll(9_000, 7, 8, ['e2.0'])] }, 8_600),
};

const withLast = ({ log }: Clean, ...values: string[]) => logOf(...log.map(({ value }) => value), ...values);

test.each(anomalyNames)('%s', (name) => {
  const found = spoiled[name](cleanHistory());
  expect(namesIn('log' in found ? historyOf(found) : found)).toEqual([name]);
});
