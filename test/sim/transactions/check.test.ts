// The checker by histories made by hand: one that is in order, and each anomaly in turn.
import { expect, test } from 'vitest';
import { type Anomaly, anomalyNames, check } from './check.ts';
import { checkIsolation, type Phenomenon } from './elle.ts';
import { type History, newHistory, type Told, type Transaction } from './history.ts';

type Made = {
  readonly name: string;
  readonly number?: number;
  readonly instance?: number;
  readonly id?: string;
  /** The values of each batch, by partition. */
  readonly batches: readonly (readonly [number, readonly string[], Told?])[];
  readonly commits?: readonly Told[];
  readonly aborts?: readonly Told[];
  readonly beginMs?: number;
  readonly endMs?: number;
  readonly from?: string;
  readonly reads?: Transaction['reads'];
};

const made = ({
  name,
  number = 1,
  instance = 0,
  id = 'a',
  batches,
  commits = [],
  aborts = [],
  ...more
}: Made): Transaction => {
  const { beginMs = 10, endMs = 20, from, reads = [] } = more;
  const ends = [...commits.map((told) => ['commit', told] as const), ...aborts.map((told) => ['abort', told] as const)];
  return {
    ...{ name, id, instance, number, producerId: 1, reads: [...reads] },
    batches: batches.map(([partition, values, told = 'done']) => ({
      partition,
      values,
      begunMs: beginMs,
      tries: [told],
    })),
    ...(from !== undefined && { offset: { partition: 0, from, begunMs: beginMs, tries: ['done'] } }),
    ends: ends.map(([what, told]) => ({ what, told, begunMs: endMs - 1, endedMs: endMs })),
  };
};

function history(
  logs: readonly (readonly string[])[],
  transactions: readonly Transaction[],
  more: Partial<History> = {},
) {
  const one = { ...newHistory(), ...more };
  for (const [partition, values] of logs.entries()) one.log.set(partition, values);
  for (const value of logs.flat()) if (!one.seenMs.has(value)) one.seenMs.set(value, 0);
  one.instances.push({ id: 'a', begunMs: 0, endedMs: 1 }, { id: 'a', begunMs: 30, endedMs: 31 });
  one.transactions.push(...transactions);
  return one;
}

const t1 = made({
  name: 't1',
  batches: [
    [0, ['x', 'y']],
    [1, ['z']],
  ],
  commits: ['lost', 'done'],
  from: '',
});
const t2 = made({ name: 't2', number: 2, batches: [[0, ['u']]], commits: ['done'], from: 't1' });
const plain = (value: string, tries: Told[], ackedMs?: number) => ({
  ...{ partition: 0, value, isOnce: true, tries },
  ...(ackedMs !== undefined && { ackedMs }),
});

test('a history in order has no anomaly', () => {
  const more = {
    offsets: new Map([[0, 't2']]),
    plains: [plain('p', ['lost', 'done'], 5)],
    polls: [{ partition: 0, offset: 1, values: ['x', 'y'] }],
  };
  const gone = made({ name: 't3', number: 3, batches: [[0, ['v']]], aborts: ['done'] });
  expect(check(history([['p', 'x', 'y', 'u'], ['z']], [t1, t2, gone], more))).toEqual([]);
});

test('records of a topic that was deleted after the commit are not missed', () => {
  const gone = { partition: 1, values: ['v'], begunMs: 10, tries: ['done' as const], topicId: 'old' };
  const more = { closedMs: new Map([['old', 25]]), topicIds: new Map([[1, 'new']]) };
  expect(check(history([['u'], ['w']], [{ ...t2, batches: [...t2.batches, gone] }], more))).toEqual([]);
});

const toldOffsets = (baseOffset: number, records: number, endedMs = 20): Transaction => ({
  ...made({ name: 't', batches: [[0, ['u', 'v']]] }),
  batches: [{ partition: 0, values: ['u', 'v'], begunMs: 10, tries: ['done'], topicId: 'id' }],
  ends: [
    { what: 'commit', told: 'lost', begunMs: 15, endedMs: 16 },
    {
      ...{ what: 'commit', told: 'done', begunMs: endedMs - 1, endedMs },
      offsets: records === 0 ? [] : [{ topicId: 'id', partition: 0, baseOffset, records }],
    },
  ],
});

test('a transaction is told where its records are, or after a day nothing', () => {
  const log = [['p', 'u', 'v']];
  const seenMs = new Map([
    ['u', 0],
    ['v', 0],
  ]);
  for (const one of [toldOffsets(1, 2), toldOffsets(1, 2, 90_000_000), toldOffsets(0, 0, 90_000_000)])
    expect(check(history(log, [one], { seenMs }))).toEqual([]);
});

const wrong: readonly (readonly [Anomaly['name'], History])[] = [
  ['part of a transaction is visible', history([['x', 'y'], []], [t1])],
  [
    'part of a transaction is visible',
    history([['x'], ['z']], [made({ name: 't', batches: [[0, ['x', 'y'], 'lost']], commits: ['lost'] })]),
  ],
  ['aborted data is visible', history([['u']], [made({ name: 't', batches: [[0, ['u']]], aborts: ['done'] })])],
  ['aborted data is visible', history([['u']], [made({ name: 't', batches: [[0, ['u']]] })])],
  ['told committed and not readable', history([[], []], [t1])],
  ['told committed before it was readable', history([['u']], [t2], { seenMs: new Map([['u', 25]]) })],
  ['two outcomes', history([['u']], [made({ name: 't', batches: [[0, ['u']]], commits: ['done'], aborts: ['done'] })])],
  [
    'told not written and written',
    history([['u']], [made({ name: 't', batches: [[0, ['u']]], commits: ['not-written'] })]),
  ],
  [
    'told not written and written',
    history(
      [['u', 'v']],
      [
        made({
          name: 't',
          batches: [
            [0, ['u']],
            [0, ['v'], 'not-written'],
          ],
          commits: ['done'],
        }),
      ],
    ),
  ],
  ['applied twice', history([['u', 'u']], [t2])],
  ['out of order', history([['y', 'x'], ['z']], [t1])],
  ['interleaved', history([['x', 'p', 'y'], ['z']], [t1])],
  ['interleaved', history([['u', 'x', 'y'], ['z']], [t1, t2])],
  ['a zombie commits', history([['u']], [made({ name: 't', batches: [[0, ['u']]], commits: ['done'], endMs: 40 })])],
  ['a zombie stages', history([[]], [made({ name: 't', batches: [[0, ['u']]], beginMs: 40 })])],
  [
    'committed after its topic was deleted',
    history(
      [['u'], []],
      [
        {
          ...t2,
          batches: [...t2.batches, { partition: 1, values: ['v'], begunMs: 10, tries: ['done'], topicId: 'old' }],
        },
      ],
      { closedMs: new Map([['old', 15]]), topicIds: new Map([[1, 'new']]) },
    ),
  ],
  ['told other offsets', history([['p', 'u', 'v']], [toldOffsets(0, 2)])],
  ['told other offsets', history([['p', 'u', 'v']], [toldOffsets(2, 1)])],
  ['told other offsets', history([['p', 'u', 'v']], [toldOffsets(0, 0)])],
  ['told other offsets', history([['p', 'u', 'v']], [toldOffsets(0, 2, 90_000_000)])],
  ['offsets without records', history([[]], [{ ...t2, ends: [] }], { offsets: new Map([[0, 't2']]) })],
  ['records without offsets', history([['x', 'y', 'u'], ['z']], [t1, t2], { offsets: new Map([[0, 't1']]) })],
  [
    'lost update of an offset',
    history([['u', 'v']], [t2, made({ name: 't', number: 3, batches: [[0, ['v']]], commits: ['done'], from: 't1' })]),
  ],
  ['a reader is delayed', history([['p']], [], { plains: [plain('p', ['done'], 5)], seenMs: new Map([['p', 9]]) })],
  [
    'a reader saw what is not in the log',
    history([['p']], [], { polls: [{ partition: 0, offset: 0, values: ['v'] }] }),
  ],
  ['a plain record is lost or doubled', history([['p', 'p']], [], { plains: [plain('p', ['done'])] })],
  ['a plain record is lost or doubled', history([[]], [], { plains: [plain('p', ['done'])] })],
];

test.each(wrong)('%s', (name, one) => {
  expect(check(one).map((anomaly) => anomaly.name)).toContain(name);
});

test('every anomaly has its history', () => {
  expect(new Set(wrong.map(([name]) => name))).toEqual(new Set(anomalyNames));
});

// --- isolation

const writes = (name: string, batches: Made['batches'], reads: Transaction['reads'] = []) =>
  made({ name, batches, reads, commits: ['done'] });
const a = writes('a', [
  [0, ['a0']],
  [1, ['a1']],
]);
const b = writes('b', [
  [0, ['b0']],
  [1, ['b1']],
]);

test('lists that are appended to and read in one order have no phenomenon', () => {
  const reader = writes('c', [[0, ['c0']]], [{ partition: 1, values: ['a1', 'b1'] }]);
  expect(
    checkIsolation(
      history(
        [
          ['a0', 'b0', 'c0'],
          ['a1', 'b1'],
        ],
        [a, b, reader],
      ),
    ),
  ).toEqual([]);
});

test.each<[Phenomenon['name'], History]>([
  [
    'G0',
    history(
      [
        ['a0', 'b0'],
        ['b1', 'a1'],
      ],
      [a, b],
    ),
  ],
  [
    'G1a',
    history(
      [[]],
      [
        made({ name: 'a', batches: [[0, ['a0']]], aborts: ['done'] }),
        writes('b', [], [{ partition: 0, values: ['a0'] }]),
      ],
    ),
  ],
  [
    'G1b',
    history([['a0', 'a1']], [writes('a', [[0, ['a0', 'a1']]]), writes('b', [], [{ partition: 0, values: ['a0'] }])]),
  ],
  ['G1c', history([['a0', 'b0'], ['b1']], [writes('a', [[0, ['a0']]], [{ partition: 1, values: ['b1'] }]), b])],
])('%s', (name, one) => {
  expect(checkIsolation(one).map((phenomenon) => phenomenon.name)).toContain(name);
});

const decided = (...names: string[]) => ({ decided: new Set(names) });

test.each<[string, string[], string[]]>([
  ['against a later one in one step', ['a0', 'b0'], ['b1', 'a1']],
  ['though a plain record lies between', ['a0', 'plain', 'b0'], ['b1', 'a1']],
])('a write cycle of one that was decided first is none of the log: %s', (_name, first, second) => {
  expect(checkIsolation(history([first, second], [a, b], decided('b')))).toEqual([]);
});

test('one that was decided first hides no cycle of the others', () => {
  const between = writes('d', [
    [0, ['d0']],
    [1, ['d1']],
  ]);
  const log = [
    ['a0', 'd0', 'b0'],
    ['b1', 'd1', 'a1'],
  ];
  const found = checkIsolation(history(log, [a, b, between], decided('d')));
  expect(found.map(({ name }) => name)).toEqual(['G0', 'G1c']);
});

test('two that have read each other are a cycle, though both were decided first', () => {
  const one = writes('a', [[0, ['a0']]], [{ partition: 1, values: ['b1', 'other'] }]);
  const two = writes('b', [[1, ['b1']]], [{ partition: 0, values: ['a0'] }]);
  const found = checkIsolation(history([['a0'], ['b1', 'other']], [one, two], decided('a', 'b')));
  expect(found.map(({ name }) => name)).toEqual(['G1c']);
});
