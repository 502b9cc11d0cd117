// These are the guards of the index: how entries leave the head, what the head remembers of producers, how offsets are
// found, and what readers see.
import type { Mutant } from './mutant.ts';
import { upkeepStories } from './upkeep-stories.ts';
import { worlds } from './worlds.ts';

const spill = 'lib/log/spill.ts';
const history = 'lib/log/producer-history.ts';
const page = 'lib/partition/page.ts';
const locate = 'lib/partition/locate.ts';
const fetch = 'lib/log/fetch.ts';
const duplicate = ['duplicate from an idempotent producer', 'unexplained duplicate'] as const;
const lost = ['lost acknowledged write'] as const;

const spilling: readonly Mutant[] = [
  {
    name: 'a page is put over another',
    file: spill,
    drop: 'moveToPage.isFirst',
    world: worlds.oneShots,
    seed: 14,
    caughtBy: lost,
  },
  {
    name: 'a page is there, and the own length is trimmed',
    file: spill,
    turn: { 'moveToPage.isOurs': 'true' },
    world: worlds.pipelined,
    seed: 3,
    caughtBy: lost,
  },
  {
    name: 'a page is there, and its length is trimmed from another tail',
    file: spill,
    turn: { 'trimToPage.isStillThere': 'head.tailBase >= pageBase' },
    world: worlds.oneShots,
    seed: 18,
    caughtBy: lost,
  },
  {
    name: 'the tail is trimmed before the page is put',
    file: spill,
    turn: { 'moveToPage.raws': '(await trim(context, address, head, moved.length), moved.map(({ raw }) => raw))' },
    world: worlds.storm,
    seed: 10,
    caughtBy: lost,
  },
  {
    name: 'the tail is trimmed wherever it begins',
    file: spill,
    drop: 'trim.notTrimmed',
    world: worlds.anonymous,
    seed: 8,
    caughtBy: lost,
  },
  {
    name: 'an eviction does not raise x',
    file: spill,
    turn: { highestCountedId: 'highest' },
    world: worlds.steady,
    seed: 3,
    caughtBy: duplicate,
  },
  {
    name: 'an eviction may lower x',
    file: spill,
    turn: { highestCountedId: 'Math.max(0, ...evicted.map(producerIdOf).filter((id) => id < firstTransactionalId))' },
    world: worlds.keyed,
    seed: 22,
    caughtBy: duplicate,
  },
  {
    name: 'a producer is evicted while its entry stays',
    file: spill,
    turn: { 'trim.evicted': 'head.residents' },
    world: worlds.tightTail,
    seed: 33,
    caughtBy: duplicate,
  },
  {
    name: 'a failed spill fails its append',
    file: spill,
    turn: { 'harmless.isHarmless': 'false' },
    world: worlds.busy,
    seed: 9,
    caughtBy: ['unknown without a cause'],
  },
];

const remembering: readonly Mutant[] = [
  {
    name: 'one batch of a producer is remembered',
    file: history,
    turn: { runsKept: '1' },
    world: worlds.repeating,
    caughtBy: ['offset withheld'],
  },
  {
    name: 'producers are forgotten immediately',
    file: history,
    turn: { expiryHours: '-1' },
    world: worlds.oneShots,
    caughtBy: duplicate,
  },
  {
    name: 'a gap in what is known is passed over',
    file: history,
    turn: { 'catchUp.hasGap': '(history.to = Math.max(history.to, head.tailBase)) < 0' },
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'entries beyond a gap are taken in',
    file: history,
    turn: { continues: 'baseOffset >= history.to' },
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'entries are taken in again',
    file: history,
    turn: { continues: 'true' },
    world: worlds.repeating,
    caughtBy: ['offset withheld', 'lost acknowledged write', ...duplicate],
  },
  {
    name: 'a history with a gap counts',
    file: history,
    turn: { 'learn.isComplete': 'true' },
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'a page counts though another is missing after it',
    file: history,
    turn: { 'learn.isNext': 'true' },
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'the pages are not learned from',
    file: history,
    turn: { takePages: '(history.to = Math.max(history.to, ...pages.map(({ endOffset }) => endOffset)))' },
    world: worlds.oneShots,
    caughtBy: duplicate,
  },
  {
    name: 'a batch of another epoch is a repeat',
    file: history,
    turn: { 'offsetOfRepeat.isSameEpoch': 'true' },
    world: worlds.fencing,
    caughtBy: lost,
  },
  {
    name: 'a partly written batch is a repeat',
    file: history,
    turn: { 'offsetOfRepeat.isWhole': 'skipped < run.recordCount' },
    world: worlds.recutting,
    caughtBy: lost,
  },
];

const finding: readonly Mutant[] = [
  {
    name: 'the page of an offset is read from an old copy of the index',
    file: page,
    drop: 'pageAtOrBelow.strong',
    world: upkeepStories.oldPages,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'pages are read from an old copy of the index',
    file: page,
    drop: 'pagesBetween.strong',
    world: worlds.steady,
    caughtBy: ['refused without a cause', 'unknown without a cause', ...duplicate],
  },
  {
    name: 'the first answer to a query is taken for all',
    file: page,
    turn: { 'pagesBetween.isLast': 'true' },
    world: worlds.returning,
    seed: 2,
    caughtBy: ['refused without a cause', ...duplicate],
  },
  {
    name: 'a page that is not the next one is read on',
    file: locate,
    turn: { 'pagesFrom.isNext': 'true' },
    world: worlds.lostPage,
    caughtBy: ['read a hole'],
  },
  {
    name: 'the tail is read on though pages are missing before it',
    file: locate,
    turn: { 'entriesFrom.reachesTail': 'true' },
    world: worlds.lostPage,
    caughtBy: ['read a hole'],
  },
  {
    name: 'a page is read from its beginning',
    file: locate,
    text: ['if (endOf(placed) > offset) yield placed;', 'yield placed;'],
    world: worlds.reading,
    caughtBy: ['read nothing of what there is'],
  },
];

const reading: readonly Mutant[] = [
  {
    name: 'a read begins from an old copy of the head',
    file: fetch,
    turn: { 'lookAt.seesEveryAcknowledgedWrite': 'false' },
    world: worlds.waiting,
    seed: 3,
    caughtBy: ['acknowledged but not readable', 'read goes back'],
  },
  {
    name: 'a waiting read goes back',
    file: fetch,
    turn: { isNoOlder: 'head === undefined' },
    world: worlds.staring,
    seed: 41,
    caughtBy: ['acknowledged but not readable', 'read goes back'],
  },
  {
    name: 'a reply begins with batches below the offset',
    file: fetch,
    turn: { 'fitting.isBelow': 'false' },
    world: worlds.waiting,
    seed: 4,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'a batch larger than the reply is never given',
    file: fetch,
    turn: { 'fitting.mustGoOut': 'false' },
    world: worlds.waiting,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'a deleted topic is read on',
    file: 'lib/log/live-head.ts',
    turn: { 'liveHead.isDeleted': 'false' },
    world: worlds.afterDeletion,
    caughtBy: ['read after the deletion'],
  },
];

export const indexMutants: readonly Mutant[] = [...spilling, ...remembering, ...finding, ...reading];
