// The guards of a topic's life: its name, its heads, and the fences that outlive it.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const topics = 'lib/topic/topics.ts';

export const topicMutants: readonly Mutant[] = [
  {
    name: 'a new head does not know of sweeps',
    file: topics,
    find: 'emptyHeadItem(headKey(topic.topicId, partition), topic.sweepFence)',
    replace: 'emptyHeadItem(headKey(topic.topicId, partition), 0)',
    world: worlds.growing,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'added heads know of the sweeps before the topic grew',
    file: topics,
    find: 'await makeHeads(table, changed, topic.partitions);',
    replace: 'await makeHeads(table, { ...changed, sweepFence: topic.sweepFence }, topic.partitions);',
    world: worlds.growing,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a head is put over another',
    file: topics,
    find: `  await table.write({ kind: 'put', item, if: absent('v') });\n}`,
    replace: `  await table.write({ kind: 'put', item });\n}`,
    world: worlds.headMadeLate,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'a topic is made over another',
    file: topics,
    find: `{ kind: 'put', item, if: absent('v') },`,
    replace: `{ kind: 'put', item },`,
    world: worlds.topics,
    seed: 4,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a late copy of its creation brings a deleted topic back',
    file: topics,
    find: `    { kind: 'check', key: tombstoneKey(item.id as string), if: absent('v') },\n`,
    replace: '',
    world: worlds.createdTwice,
    caughtBy: ['refused without a cause'],
  },
  {
    name: 'a deleted topic is not fenced',
    file: topics,
    find: 'inParallel(numbers, headsAtOnce, (partition) => fenceForEver(',
    replace: 'inParallel(numbers.slice(numbers.length), headsAtOnce, (partition) => fenceForEver(',
    world: worlds.afterDeletion,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'the fence of a head that was never made can be put over',
    file: topics,
    find: ', setIfAbsent: Object.entries(rest) }',
    replace: ', setIfAbsent: Object.entries(rest).slice(100) }',
    world: worlds.headMadeLate,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'a deletion takes whatever has the name',
    file: topics,
    find: `if: all(equals('id', topicId), equals('revision', topic.revision)) }`,
    replace: '}',
    world: worlds.deletedTwice,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a deletion leaves partitions open that were added meanwhile',
    file: topics,
    find: `if: all(equals('id', topicId), equals('revision', topic.revision)) }`,
    replace: `if: equals('id', topicId) }`,
    world: worlds.grownMeanwhile,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'what is uploaded again fits a deleted topic',
    file: 'lib/log/judge.ts',
    find: '  if (head.fence < deletedFence) return',
    replace: '  if (head.fence <= deletedFence) return',
    world: worlds.afterDeletion,
    caughtBy: ['acknowledged after the deletion'],
  },
];
