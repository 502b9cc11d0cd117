// Mutants of group commit. Several callers share one PUT, and each must get the outcome of its own runs.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const groupCommit = 'lib/log/group-commit.ts';

export const groupCommitMutants: readonly Mutant[] = [
  {
    name: 'a failed PUT of several requests is acknowledged',
    file: 'lib/log/upload.ts',
    text: ['segmentRandom), chunks);', 'segmentRandom), chunks).catch(() => undefined);'],
    world: worlds.grouped,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'callers get the places of each other',
    file: groupCommit,
    text: ['[run, places[i]!]', '[run, places[runs.length - 1 - i]!]'],
    world: worlds.calmlyGrouped,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a caller gets all places of its segment',
    file: groupCommit,
    text: ['own.map((run) => placeOf.get(run)!)', 'places'],
    world: worlds.calmlyGrouped,
    caughtBy: ['an offset acknowledged for two records'],
  },
  {
    name: 'a group that waits does not leave when an upload ends',
    file: groupCommit,
    text: ['      if (lane.group && lane.underWay < uploadsAtOnce) flush(topicId, lane, lane.group);\n', ''],
    world: worlds.calmlyGrouped,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'an upload that failed counts as under way for ever',
    file: groupCommit,
    text: ['reject(error);', 'reject(error);\n    await new Promise(() => {});'],
    world: worlds.grouped,
    caughtBy: ['unknown without a cause'],
  },
];
