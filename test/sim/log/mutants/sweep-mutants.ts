// These are the guards of the sweep: what it deletes, and the order of its steps.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const sweep = 'lib/maintenance/sweep.ts';
const lost = ['lost acknowledged write'] as const;

export const sweepMutants: readonly Mutant[] = [
  {
    name: 'a sweep raises no fence',
    file: sweep,
    drop: 'raiseFences',
    world: worlds.swept,
    caughtBy: lost,
  },
  {
    name: 'a sweep reads the names before it raises the fences',
    file: sweep,
    text: [
      `if (!context.isDryRun) await raiseFences(context, topics, epoch);
  await keepNamed(context, topics, orphans);`,
      `await keepNamed(context, topics, orphans);
  await raiseFences(context, topics, epoch);`,
    ],
    world: worlds.swept,
    caughtBy: lost,
  },
  {
    name: 'a sweep does not read the names again',
    file: sweep,
    drop: 'keepNamed',
    world: worlds.calmlySwept,
    caughtBy: lost,
  },
  {
    name: 'a sweep knows only the partitions of before the list',
    file: sweep,
    text: [
      '(await livingTopics(context))',
      '(await livingTopics(context)).map((topic) => ({ ...topic, partitions: 1 }))',
    ],
    world: worlds.growing,
    caughtBy: lost,
  },
];
