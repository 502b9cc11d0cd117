// Measures how long it takes to compute the assignment of partitions to members, in one group of the greatest size.
import { assign } from '../../lib/group/assignment/assign.ts';
import type { AssignableTopic, Subscriber } from '../../lib/group/assignment/problem.ts';
import type { Target } from '../../lib/group/items/target.ts';
import { decimal, printTable } from './table.ts';

const topics: AssignableTopic[] = Array.from({ length: 5 }, (_, i) => ({
  topic: `t${i}`,
  topicId: `t${i}`,
  partitions: 2_000,
}));
const all = topics.map(({ topicId }) => topicId);

const crowd = (subscription: (i: number) => string[]): Subscriber[] =>
  Array.from({ length: 1_000 }, (_, i) => ({ key: `m${i}`, topicIds: subscription(i) }));

export function benchAssignments(rounds: number): void {
  const alike = crowd(() => all);
  const mixed = crowd((i) => all.filter((_, topic) => topic === i % 5 || topic === (i * 7) % 5 || topic === 0));
  const fresh: Target = new Map();
  const current = assign('uniform', alike, topics, fresh);
  const cases = [
    ['uniform', () => assign('uniform', alike, topics, fresh)],
    ['uniform, one leaves', () => assign('uniform', alike.slice(1), topics, current)],
    ['uniform, mixed subscriptions', () => assign('uniform', mixed, topics, fresh)],
    ['range', () => assign('range', alike, topics, fresh)],
  ] as const;
  printTable(
    `Assignments of 10,000 partitions to 1,000 members, fastest of ${rounds}`,
    ['', 'ms'],
    cases.map(([name, run]) => [name, decimal(fastestMs(run, rounds), 1)]),
  );
}

function fastestMs(run: () => unknown, rounds: number): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - begun);
  }
  return fastest;
}
