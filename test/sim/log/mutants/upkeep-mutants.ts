// These are the guards of maintenance: how records move into log segments, how segments are replaced, what may be removed,
// and what readers see meanwhile.
import type { Mutant } from './mutant.ts';
import { upkeepStories } from './upkeep-stories.ts';
import { upkeepWorlds } from './upkeep-worlds.ts';

const { tended, cleaned, aged } = upkeepWorlds;
const merge = 'lib/maintenance/merge.ts';
const pages = 'lib/maintenance/pages.ts';
const swap = 'lib/maintenance/swap.ts';
const retain = 'lib/maintenance/retain.ts';
const logStart = 'lib/partition/log-start.ts';
const duplicate = ['duplicate from an idempotent producer', 'unexplained duplicate'] as const;
const gone = ['gone before its time', 'last record of a key missing'] as const;
const index = ['index with a gap', 'index out of order', 'a number fell'] as const;

const merging: readonly Mutant[] = [
  {
    name: 'a merge moves the end of the log items from wherever it is',
    file: merge,
    turn: { endsAt: "absent('nothing')" },
    world: tended,
    caughtBy: [...index, ...gone],
  },
  {
    name: 'a merge names an object below the fence',
    file: merge,
    drop: 'commit.isNotFenced',
    world: upkeepStories.sweptMerge,
    caughtBy: ['index names a missing object'],
  },
  {
    name: 'pages that are partly above the log start are skipped',
    file: merge,
    turn: { 'nextMove.isBelowStart': 'page.firstOffset < head.logStart' },
    world: tended,
    caughtBy: [...index, ...gone],
  },
  {
    name: 'the head moves before the log items are there',
    file: merge,
    text: [
      'const isCommitted = await commit(',
      `await publish(context, address, { ...state, upkeep: { ...state.upkeep, logEnd: move.to } });
  const isCommitted = await commit(`,
    ],
    world: upkeepStories.readDuringMerge,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'the head may move back',
    file: merge,
    drop: 'publish.isNewer',
    world: tended,
    caughtBy: ['a number fell'],
  },
  {
    name: 'a merge takes what another one has moved for damage',
    file: merge,
    text: ["if (logEnd !== upkeep.logEnd) return 'refused';", ''],
    world: cleaned,
    caughtBy: ['damage in a sound log'],
  },
];

const history: readonly Mutant[] = [
  {
    name: 'a page goes though its producers have not expired',
    file: pages,
    turn: { hasExpired: 'true' },
    world: aged,
    caughtBy: duplicate,
  },
  {
    name: 'pages go before the floor is raised',
    file: pages,
    text: [
      'if (floor > historyFloor) await raiseFloor(context, address, floor);\n  await deleteBelow(context, address, floor);',
      'await deleteBelow(context, address, floor);\n  if (floor > historyFloor) await raiseFloor(context, address, floor);',
    ],
    world: aged,
    caughtBy: ['damage in a sound log', 'index with a gap'],
  },
  {
    name: 'the floor may fall',
    file: pages,
    drop: 'raiseFloor.isHigher',
    world: aged,
    caughtBy: ['a number fell'],
  },
  {
    name: 'producers are looked up only in the pages that are not merged',
    file: 'lib/log/producer-history.ts',
    text: [
      'pagesBetween(table, address, 0, head.tailBase, { reverse: true, limit: 100 })',
      'pagesBetween(table, address, head.mergedTo, head.tailBase, { reverse: true, limit: 100 })',
    ],
    world: tended,
    caughtBy: ['damage in a sound log'],
  },
  {
    name: 'the lookup of producers ends where the merged records do',
    file: 'lib/log/producer-history.ts',
    text: ['if (isExpired) break;', 'if (isExpired || start <= head.mergedTo) break;'],
    turn: { 'learn.isComplete': 'true' },
    world: upkeepStories.retryAfterMerge,
    caughtBy: duplicate,
  },
];

const replacing: readonly Mutant[] = [
  {
    name: 'a rewrite puts its item over whatever is there',
    file: swap,
    text: ['[item.firstOffset, namesAsRead(item)]', "[item.firstOffset, absent('nothing')]"],
    world: upkeepStories.slowCompaction,
    caughtBy: ['served after it was removed'],
  },
  {
    name: 'a rewrite deletes whatever is there',
    file: swap,
    text: [
      'key: logItemKey(address, item.firstOffset), if: namesAsRead(item) }',
      'key: logItemKey(address, item.firstOffset) }',
    ],
    world: upkeepStories.slowJoin,
    caughtBy: [...index, 'served after it was removed', ...gone],
  },
  {
    name: 'a rewrite names an object below the fence',
    file: swap,
    turn: { 'swap.isNotFenced': "absent('nothing')" },
    world: upkeepStories.sweptJoin,
    caughtBy: ['index names a missing object'],
  },
];

const removing: readonly Mutant[] = [
  {
    name: 'retention deletes a log item that is not as it was read',
    file: retain,
    drop: 'deleteItemsBelow.isAsRead',
    world: upkeepStories.slowRetention,
    caughtBy: [...index, ...gone],
  },
  {
    name: 'log items go before the log start moves',
    file: retain,
    text: [
      'const logStart = await expire(context, address, head, expired);',
      `await deleteItemsBelow(context, address, expired.to);
  const logStart = await expire(context, address, head, expired);`,
    ],
    world: upkeepWorlds.expiring,
    caughtBy: ['read nothing of what there is', 'index with a gap', ...gone],
  },
  {
    name: 'the log start may go back',
    file: logStart,
    drop: 'raiseLogStart.isForward',
    world: tended,
    caughtBy: ['log start went back', 'a number fell', 'served after it was removed'],
  },
  {
    name: 'retention takes what is not old enough',
    file: retain,
    turn: { 'expiredOf.isTooOld': 'true' },
    world: upkeepWorlds.expiring,
    caughtBy: gone,
  },
  {
    name: 'an item goes of which a part is above the log start',
    file: retain,
    turn: { 'deleteItemsBelow.isBelow': 'true' },
    world: tended,
    caughtBy: [...index, ...gone],
  },
];

const reading: readonly Mutant[] = [
  {
    name: 'an object that is gone is damage before it is looked for again',
    file: 'lib/log/fetch.ts',
    turn: { 'readAgain.isDamage': 'missing.length > 0' },
    world: upkeepStories.goneTwice,
    caughtBy: ['damage in a sound log'],
  },
  {
    name: 'a read whose log item is gone answers with nothing',
    file: 'lib/log/fetch.ts',
    turn: { 'planOne.hasMoved': 'false' },
    world: upkeepStories.readDuringRetention,
    caughtBy: ['read nothing of what there is'],
  },
];

const sweep = 'lib/maintenance/sweep.ts';
const sweeping: readonly Mutant[] = [
  {
    name: 'a sweep does not fence the outputs of merges',
    file: sweep,
    text: ['await fenceOutputs(context.table, address, epoch);', ''],
    world: upkeepStories.sweptMerge,
    caughtBy: ['index names a missing object'],
  },
  {
    name: 'a missing maintenance item is not fenced',
    file: 'lib/partition/fence.ts',
    turn: { 'fenceOutputs.isLower': "{ test: 'below', path: 'g', value: fence }" },
    world: upkeepStories.sweptMerge,
    caughtBy: ['index names a missing object'],
  },
];

const clean = 'lib/maintenance/compaction/clean-batch.ts';
const unit = 'lib/maintenance/compaction/clean-unit.ts';
const compact = 'lib/maintenance/compact.ts';
const { compacted } = upkeepWorlds;
const resurrected = ['value resurrected', 'served after it was removed', ...gone] as const;

const compacting: readonly Mutant[] = [
  {
    name: 'a record goes though it is the last of its key',
    file: clean,
    turn: { 'isWanted.isNewest': 'newest.newestOf(key) < offset' },
    world: compacted,
    caughtBy: gone,
  },
  {
    name: 'a tombstone goes immediately',
    file: clean,
    turn: { 'survivorsOf.isHorizonOver': 'true' },
    world: upkeepStories.tombstoneSeen,
    caughtBy: ['gone before its time'],
  },
  {
    name: 'a unit that another process has changed is passed over',
    file: unit,
    text: ["if (!isDone) return 'refused';", 'if (!isDone) return items.at(-1)!.endOffset;'],
    world: upkeepStories.refusedUnit,
    caughtBy: ['value resurrected'],
  },
  {
    name: 'the next unit begins with the next first offset',
    file: unit,
    text: [
      'logItemsFrom(context.table, plan.address, offset, to)',
      '(await import("../../partition/log-item.ts")).logItemsBetween(context.table, plan.address, offset, to)',
    ],
    world: upkeepStories.joinedBehind,
    caughtBy: ['value resurrected'],
  },
  {
    name: 'what readers see in pages is compacted in log segments',
    file: 'lib/maintenance/compaction/plan.ts',
    text: ['unfinished?.to ?? readableTo', 'unfinished?.to ?? maintenance.logEnd'],
    world: upkeepStories.unpublished,
    caughtBy: ['served after it was removed'],
  },
  {
    name: 'units go downwards',
    file: compact,
    text: [
      'const reached = await cleanUpwards(pass, keys);',
      `const starts: number[] = [];
  for await (const item of logItemsFrom(pass.context.table, pass.plan.address, pass.plan.logStart, keys.to)) starts.unshift(item.firstOffset);
  for (const start of starts) await cleanUnit(pass, keys, start);
  const reached = keys.to;`,
    ],
    world: compacted,
    caughtBy: resurrected,
  },
  {
    name: 'the clean point may go back',
    file: compact,
    turn: { 'moveCleanPoint.grows': "absent('nothing')" },
    world: compacted,
    caughtBy: ['a number fell'],
  },
];

export const upkeepMutants: readonly Mutant[] = [
  ...merging,
  ...history,
  ...replacing,
  ...removing,
  ...reading,
  ...sweeping,
  ...compacting,
];
