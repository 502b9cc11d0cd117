// This checks the checker. A history that is spoiled in one way is reported under exactly that name, and a good one is
// not reported.
import { expect, test } from 'vitest';
import { checkGroup, type GroupAnomalyName } from './check.ts';
import { type Commit, type GroupHistory, newGroupHistory } from './history.ts';

const commit = (member: string, epoch: number, offset: number, begunMs: number): Commit => ({
  member,
  epoch,
  partition: 't-0',
  offset,
  note: '',
  begunMs,
  endedMs: begunMs + 10,
  result: 'accepted',
});

/** Member a reads two records and hands over to b, which reads one more. */
function goodHistory(): GroupHistory {
  return {
    ...newGroupHistory({ keepsLeases: true, mostUnownedMs: 50 }),
    tellings: [
      { member: 'a', epoch: 2, partitions: ['t-0'], atMs: 100 },
      { member: 'a', epoch: 3, partitions: [], atMs: 300 },
      { member: 'b', epoch: 3, partitions: ['t-0'], atMs: 400 },
    ],
    deliveries: [
      { member: 'a', partition: 't-0', offset: 0, atMs: 150 },
      { member: 'a', partition: 't-0', offset: 1, atMs: 160 },
      { member: 'b', partition: 't-0', offset: 2, atMs: 450 },
    ],
    commits: [commit('a', 2, 2, 200), commit('b', 3, 3, 500)],
    looks: [
      { atMs: 250, committed: new Map([['t-0', 2]]) },
      { atMs: 600, committed: new Map([['t-0', 3]]) },
    ],
    atRest: new Map([['t-0', ['b']]]),
    restMs: 480,
    unowned: [
      { partition: 't-0', fromMs: 0, toMs: 100 },
      { partition: 't-0', fromMs: 350, toMs: 400 },
    ],
    troublesMs: [50],
    terms: [
      { partition: 'x-0', owner: 'a', epoch: 2, isGone: false, atMs: 90 },
      { partition: 'x-0', owner: undefined, epoch: 2, isGone: false, atMs: 290 },
      { partition: 'x-0', owner: 'b', epoch: 3, isGone: false, atMs: 390 },
    ],
  };
}

test('a good history has no anomaly', () => {
  expect(checkGroup(goodHistory())).toEqual([]);
});

const spoiled: readonly [GroupAnomalyName, (history: GroupHistory) => void][] = [
  [
    'two owners in one generation',
    ({ tellings }) => tellings.push({ member: 'a', epoch: 3, partitions: ['t-0'], atMs: 700 }),
  ],
  ['member epoch fell', ({ tellings }) => tellings.push({ member: 'b', epoch: 2, partitions: [], atMs: 700 })],
  ['commit after the partition was lost', ({ commits }) => commits.push(commit('a', 2, 2, 450))],
  ['committed offset went back', ({ looks }) => looks.push({ atMs: 700, committed: new Map([['t-0', 2]]) })],
  ['acknowledged commit lost', ({ commits }) => commits.push(commit('b', 3, 4, 550))],
  ['skipped', ({ deliveries }) => deliveries.splice(1, 1)],
  ['read by two', ({ deliveries }) => deliveries.push({ member: 'a', partition: 't-0', offset: 2, atMs: 470 })],
  ['unowned for too long', ({ unowned }) => unowned.push({ partition: 't-0', fromMs: 500, toMs: 551 })],
  ['unowned for too long', ({ troublesMs }) => troublesMs.splice(0)],
  ['unowned at rest', ({ atRest }) => atRest.set('t-0', [])],
  ['owned twice at rest', ({ atRest }) => atRest.set('t-0', ['a', 'b'])],
  ['no progress at rest', (history) => Object.assign(history, { restMs: 510 })],
  ['term epoch fell', ({ terms }) => terms.push({ partition: 'x-0', owner: 'c', epoch: 1, isGone: false, atMs: 700 })],
  [
    'term came again',
    ({ terms }) =>
      terms.push(
        { partition: 'x-0', owner: 'b', epoch: 3, isGone: false, atMs: 500 },
        { partition: 'x-0', owner: undefined, epoch: 3, isGone: false, atMs: 600 },
        { partition: 'x-0', owner: 'b', epoch: 3, isGone: false, atMs: 700 },
      ),
  ],
];

test.each(spoiled)('%s', (name, spoil) => {
  const history = goodHistory();
  spoil(history);
  expect(checkGroup(history).map((anomaly) => anomaly.name)).toContain(name);
});
