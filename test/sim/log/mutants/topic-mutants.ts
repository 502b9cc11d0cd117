// These are the guards of a topic's life: its name, its heads, and the fences that outlive it.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const topics = 'lib/topic/topics.ts';
const fence = 'lib/partition/fence.ts';

export const topicMutants: readonly Mutant[] = [
  {
    name: 'a head is put over another',
    file: topics,
    drop: 'putHead.notMade',
    world: worlds.headMadeLate,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'a topic is made over another',
    file: topics,
    drop: 'takeName.isFree',
    world: worlds.topics,
    seed: 6,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a late copy of its creation brings a deleted topic back',
    file: topics,
    drop: 'takeName.wasNeverDeleted',
    world: worlds.createdTwice,
    caughtBy: ['refused without a cause'],
  },
  {
    name: 'a deleted topic is not fenced',
    file: fence,
    drop: 'fenceHead',
    world: worlds.afterDeletion,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'the fence of a head that was never made can be put over',
    file: fence,
    drop: 'fenceHead.setIfAbsent',
    world: worlds.headMadeLate,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'a deletion takes whatever has the name',
    file: topics,
    drop: 'freeName.if',
    world: worlds.deletedTwice,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a deletion leaves partitions open that were added meanwhile',
    file: topics,
    drop: 'freeName.isUnchanged',
    world: worlds.grownMeanwhile,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'a repeated upload fits a deleted topic',
    file: 'lib/log/judge.ts',
    turn: { 'fenced.isDeleted': 'false' },
    world: worlds.afterDeletion,
    caughtBy: ['acknowledged after the deletion'],
  },
];
