// The guards of the index: how entries leave the head, what is remembered of producers, how offsets are found, and what
// readers are shown.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const spill = 'lib/log/spill.ts';
const history = 'lib/log/producer-history.ts';
const page = 'lib/log/page.ts';
const locate = 'lib/log/locate.ts';
const fetch = 'lib/log/fetch.ts';
const duplicate = ['duplicate from an idempotent producer', 'unexplained duplicate'] as const;
const lost = ['lost acknowledged write'] as const;

const spilling: readonly Mutant[] = [
  {
    name: 'a page is put over another',
    file: spill,
    find: `      if: { test: 'absent', path: 'v' },\n`,
    replace: '',
    world: worlds.oneShots,
    seed: 7,
    caughtBy: lost,
  },
  {
    name: 'a page is there, and the own length is trimmed',
    file: spill,
    find: 'if (put.applied) await trim(',
    replace: 'if (put) await trim(',
    world: worlds.pipelined,
    caughtBy: lost,
  },
  {
    name: 'a page is there, and its length is trimmed from another tail',
    file: spill,
    find: 'if (head.tailBase === pageBase) await trim(',
    replace: 'if (head.tailBase >= pageBase) await trim(',
    world: worlds.oneShots,
    seed: 7,
    caughtBy: lost,
  },
  {
    name: 'the tail is trimmed before the page is put',
    file: spill,
    find: '    const raws = moved.map(({ raw }) => raw);\n',
    replace: '    const raws = moved.map(({ raw }) => raw);\n    await trim(parts, address, head, moved.length);\n',
    world: worlds.storm,
    seed: 2,
    caughtBy: lost,
  },
  {
    name: 'the tail is trimmed wherever it begins',
    file: spill,
    find: `    if: equals('b', head.tailBase),\n`,
    replace: '',
    world: worlds.anonymous,
    seed: 8,
    caughtBy: lost,
  },
  {
    name: 'an eviction does not raise x',
    file: spill,
    find: `        ['x', highestCountedId(evicted, head.highestEvictedId)],\n`,
    replace: '',
    world: worlds.steady,
    seed: 2,
    caughtBy: duplicate,
  },
  {
    name: 'an eviction may lower x',
    file: spill,
    find: 'return Math.max(highest, ...evicted',
    replace: 'return Math.max(highest * 0, ...evicted',
    world: worlds.keyed,
    seed: 3,
    caughtBy: duplicate,
  },
  {
    name: 'a producer is evicted while its entry stays',
    file: spill,
    find: 'head.residents.filter((attribute) => !staying.has(attribute));',
    replace: 'head.residents.filter((attribute) => staying.size >= 0 && attribute.length > 0);',
    world: worlds.tightTail,
    seed: 33,
    caughtBy: duplicate,
  },
  {
    name: 'a failed spill fails its append',
    file: spill,
    find: '    if (!(error instanceof StorageError)) throw error;\n',
    replace: '    throw error;\n',
    world: worlds.busy,
    seed: 9,
    caughtBy: ['unknown without a cause'],
  },
];

const remembering: readonly Mutant[] = [
  {
    name: 'one batch of a producer is remembered',
    file: history,
    find: 'const runsKept = 5;',
    replace: 'const runsKept = 1;',
    world: worlds.repeating,
    caughtBy: ['offset withheld'],
  },
  {
    name: 'producers are forgotten at once',
    file: history,
    find: 'const expiryHours = 26;',
    replace: 'const expiryHours = -1;',
    world: worlds.oneShots,
    caughtBy: duplicate,
  },
  {
    name: 'a gap in what is known is passed over',
    file: history,
    find: '  if (history.to < head.tailBase) return false;\n',
    replace: '  if (history.to < head.tailBase) history.to = head.tailBase;\n',
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'entries beyond a gap are taken in',
    file: history,
    find: 'if (placed.baseOffset === history.to) take(history, placed);',
    replace: 'if (placed.baseOffset >= history.to) take(history, placed);',
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'entries are taken in again',
    file: history,
    find: 'if (placed.baseOffset === history.to) take(history, placed);',
    replace: 'take(history, placed);',
    world: worlds.repeating,
    caughtBy: ['offset withheld', 'lost acknowledged write', ...duplicate],
  },
  {
    name: 'a history with a gap counts',
    file: history,
    find: '  if (gap < head.next)\n',
    replace: '  if (gap < 0)\n',
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'a history that does not begin at the start counts',
    file: history,
    find: 'const gap = !isExpired && from > head.mergedTo ? head.mergedTo : history.to;',
    replace: 'const gap = history.to;',
    world: worlds.lostPage,
    caughtBy: duplicate,
  },
  {
    name: 'the pages are not learned from',
    file: history,
    find: '  for (const page of pages.reverse()) takeAll(history, page.entries);\n',
    replace: '  history.to = head.tailBase;\n',
    world: worlds.oneShots,
    caughtBy: duplicate,
  },
  {
    name: 'a batch of another epoch is a repeat',
    file: history,
    find: 'if (run.epoch === producer.epoch && skipped',
    replace: 'if (skipped',
    world: worlds.fencing,
    caughtBy: lost,
  },
  {
    name: 'what is partly written is a repeat',
    file: history,
    find: 'skipped + recordCount <= run.recordCount',
    replace: 'skipped < run.recordCount',
    world: worlds.recutting,
    caughtBy: lost,
  },
];

const finding: readonly Mutant[] = [
  {
    name: 'the page of an offset is read from an old copy of the index',
    file: page,
    find: 'reverse: true, limit: 1, strong: true',
    replace: 'reverse: true, limit: 1',
    world: worlds.reading,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'pages are read from an old copy of the index',
    file: page,
    find: 'strong: true, ...options',
    replace: '...options',
    world: worlds.steady,
    caughtBy: ['refused without a cause', 'unknown without a cause', ...duplicate],
  },
  {
    name: 'the first answer to a query is taken for all',
    file: page,
    find: '    if (!more || after === undefined) return;',
    replace: '    if (more || after !== undefined || items) return;',
    world: worlds.returning,
    caughtBy: ['refused without a cause', ...duplicate],
  },
  {
    name: 'a page that is not the next one is read on',
    file: locate,
    find: '      if (page.firstOffset !== next) return;\n',
    replace: '',
    world: worlds.lostPage,
    caughtBy: ['read a hole'],
  },
  {
    name: 'the tail is read on though pages are missing before it',
    file: locate,
    find: '    if (next !== head.tailBase) return;\n',
    replace: '',
    world: worlds.lostPage,
    caughtBy: ['read a hole'],
  },
  {
    name: 'a page is read from its beginning',
    file: locate,
    find: '    yield* from(first.entries, offset);\n',
    replace: '    yield* first.entries;\n',
    world: worlds.reading,
    caughtBy: ['read nothing of what there is'],
  },
];

const reading: readonly Mutant[] = [
  {
    name: 'a read begins from an old copy of the head',
    file: fetch,
    find: 'parts.heads.read(address, { strong })',
    replace: 'parts.heads.read(address, { strong: false })',
    world: worlds.waiting,
    seed: 3,
    caughtBy: ['acknowledged but not readable', 'read goes back'],
  },
  {
    name: 'a waiting read goes back',
    file: fetch,
    find: '  if (before && before.next > read.next) return before;\n',
    replace: '',
    world: worlds.staring,
    seed: 16,
    caughtBy: ['acknowledged but not readable', 'read goes back'],
  },
  {
    name: 'a reply begins with batches below the offset',
    file: fetch,
    find: '    if (baseOffset + header.lastOffsetDelta < offset) continue;\n',
    replace: '',
    world: worlds.waiting,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'a batch larger than the reply is never given',
    file: fetch,
    find: 'if (bytes.length > room && !(atLeastOne && chosen.length === 0)) break;',
    replace: 'if (bytes.length > room) break;',
    world: worlds.waiting,
    caughtBy: ['read nothing of what there is'],
  },
  {
    name: 'a deleted topic is read on',
    file: fetch,
    find: '  if (read.fence === deletedFence) throw topicGone(parts, topic);\n',
    replace: '',
    world: worlds.afterDeletion,
    caughtBy: ['read after the deletion'],
  },
];

export const indexMutants: readonly Mutant[] = [...spilling, ...remembering, ...finding, ...reading];
