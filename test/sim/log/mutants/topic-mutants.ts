// These are the guards of a topic's life: its name, its heads, and the fences that outlive it.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const topics = 'lib/topic/topics.ts';

export const topicMutants: readonly Mutant[] = [
  {
    name: 'a new head does not know of sweeps',
    file: topics,
    turn: { 'putHead.item': 'emptyHeadItem(headKey(topic.topicId, partition), 0)' },
    world: worlds.growing,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'added heads know of the sweeps before the topic grew',
    file: topics,
    turn: {
      'alter.changed': '{ ...parseTopic(result.applied ? result.item! : result.old!), sweepFence: topic.sweepFence }',
    },
    world: worlds.growing,
    seed: 8,
    caughtBy: ['lost acknowledged write'],
  },
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
    file: topics,
    drop: 'fenceForEver',
    world: worlds.afterDeletion,
    caughtBy: ['acknowledged after the deletion'],
  },
  {
    name: 'the fence of a head that was never made can be put over',
    file: topics,
    drop: 'fenceForEver.setIfAbsent',
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
