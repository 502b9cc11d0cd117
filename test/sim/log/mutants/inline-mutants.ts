// These are the guards of small appends: when an item may be named, how it is read, and when it may go.
import { inlineWorlds } from './inline-worlds.ts';
import type { Mutant } from './mutant.ts';
import { sweepMutants } from './sweep-mutants.ts';
import { upkeepStories } from './upkeep-stories.ts';
import { worlds } from './worlds.ts';

const { swept, calmlySwept, merged } = inlineWorlds;
const inline = 'lib/log/inline.ts';
const item = 'lib/partition/inline-item.ts';
const merge = 'lib/maintenance/merge.ts';
const lost = ['lost acknowledged write', 'index names a missing object', 'damage in a sound log'] as const;

/** The guards of the sweep hold for items as for objects. */
const sweepsOfItems: readonly Mutant[] = sweepMutants
  .filter(({ world }) => world !== worlds.growing)
  .map((mutant) => ({
    ...mutant,
    name: `${mutant.name}, and items go`,
    world: mutant.world === worlds.calmlySwept ? calmlySwept : swept,
    seed: mutant.name.includes('reads the names before') ? 17 : 1,
    caughtBy: lost,
  }));

export const inlineMutants: readonly Mutant[] = [
  ...sweepsOfItems,
  {
    name: 'an item is named below the fence',
    file: 'lib/log/sequence.ts',
    drop: 'sequencingUpdate.notFenced',
    world: swept,
    caughtBy: lost,
  },
  {
    name: 'an item is named before it is put',
    file: inline,
    text: [
      'if (!areSmall || !(await putAll(table, items))) return undefined;',
      'if (!areSmall) return undefined;\n  putAll(table, items).catch(() => {});',
    ],
    world: swept,
    caughtBy: [...lost, 'acknowledged but not readable', 'read nothing of what there is'],
  },
  {
    name: 'an item that an eventual read misses is gone',
    file: item,
    text: ['  await readMany(table, keysOf(missing), { strong: true }, take);\n', ''],
    world: merged,
    caughtBy: ['damage in a sound log'],
  },
  {
    name: 'a read of an item that is gone is planned again from a copy of the head',
    file: 'lib/log/fetch.ts',
    text: [
      'const head = await liveHead(context, topic, plan.partition);',
      'const head = context.heads.seen({ topicId: topic.topicId, partition: plan.partition })!;',
    ],
    world: upkeepStories.removedItems,
    caughtBy: ['damage in a sound log'],
  },
  {
    name: 'an item that is gone is damage before it is looked for again',
    file: 'lib/log/fetch.ts',
    turn: { 'readAgain.isDamage': 'missing.length > 0' },
    world: upkeepStories.removedTwice,
    caughtBy: ['damage in a sound log'],
  },
  {
    name: 'a merge removes items before the head leads elsewhere',
    file: merge,
    text: [
      'const items = move.pages.length > 0 ?',
      `await removeInline(context, address, move);
  const items = move.pages.length > 0 ?`,
    ],
    turn: { 'removeInline.areReadElsewhere': 'true' },
    world: merged,
    caughtBy: [...lost, 'gone before its time'],
  },
  {
    name: 'a merge removes items between its commit and the move of the head',
    file: merge,
    text: [
      'count(context, move);\n  await publish(',
      `count(context, move);
  await removeInline(context, address, move);
  await publish(`,
    ],
    turn: { 'removeInline.areReadElsewhere': 'true' },
    world: merged,
    caughtBy: [...lost, 'gone before its time'],
  },
  {
    name: 'a merge takes what another one has removed for damage',
    file: merge,
    text: ["if (logEnd !== upkeep.logEnd) return 'refused';", ''],
    world: merged,
    caughtBy: ['damage in a sound log'],
  },
];
