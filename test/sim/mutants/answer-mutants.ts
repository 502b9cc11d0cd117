// The guards of the answer: what a refusal is taken for, what is said of the data, and what a resend remembers.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const sequence = 'lib/log/sequence.ts';
const judge = 'lib/log/judge.ts';
const duplicate = ['duplicate from an idempotent producer', 'unexplained duplicate'] as const;

const refusal: readonly Mutant[] = [
  {
    name: 'the own entry in the tail is not seen',
    file: judge,
    find: '  if (own) return appended(head, own.baseOffset, false);\n',
    replace: '  if (own && own.baseOffset < 0) return appended(head, own.baseOffset, false);\n',
    world: worlds.anonymous,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'the fence is judged before the own entry',
    file: judge,
    find: '  const own = head.tail.find(',
    replace:
      '  if (head.fence > attempt.entry.segmentEpoch) return fenced(attempt, head);\n  const own = head.tail.find(',
    world: worlds.swept,
    seed: 3,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'an entry is the own one by its position alone',
    file: judge,
    find: 'isSameRun(entry, attempt.entry));\n  if (own) return appended(head, own',
    replace: 'entry.position === attempt.entry.position);\n  if (own) return appended(head, own',
    world: worlds.steady,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a refusal is judged from an older copy of the head',
    file: sequence,
    find: '    head = result.old ? parseHead(result.old) : await makeHead(parts, attempt);',
    replace: '    head = view ?? parseHead(result.old!);',
    world: worlds.repeating,
    seed: 2,
    caughtBy: ['not-written was written', 'refused without a cause', 'unknown without a cause', ...duplicate],
  },
  {
    name: 'the history does not find what was written',
    file: judge,
    find: '  if (found.offset !== undefined) return appended(head, found.offset, true);\n',
    replace: '',
    world: worlds.steady,
    caughtBy: ['offset withheld'],
  },
  {
    name: 'a duplicate of a resident producer is not looked for',
    file: judge,
    find: `  if (atHead === 'append' || atHead === 'gap') return { decision: atHead };`,
    replace: '  if (atHead) return { decision: atHead };',
    world: worlds.steady,
    caughtBy: ['offset withheld'],
  },
  {
    name: 'without an id, pages are not searched for the own entry',
    file: judge,
    find: `  if (!attempt.doubtful) return { decision: 'append' };`,
    replace: `  if (attempt.address) return { decision: 'append' };`,
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'without an id, the page that straddles the first view is not searched',
    file: judge,
    find: 'const from = straddling?.firstOffset ?? 0;',
    replace: 'const from = straddling ? firstView : 0;',
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'without an id, only the newest page is searched',
    file: sequence,
    find: 'firstView: view?.next ?? 0',
    replace: 'firstView: Number.MAX_SAFE_INTEGER',
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'another offset than expected is told before the own entry is looked for',
    file: judge,
    find: '  if (found.offset !== undefined) return appended(',
    replace: `  if (attempt.expectedOffset !== undefined && attempt.expectedOffset !== head.next)
    return unexpectedOffset(attempt, head, attempt.expectedOffset);
  if (found.offset !== undefined) return appended(`,
    world: worlds.conditional,
    caughtBy: ['refused without a cause'],
  },
  {
    name: 'another offset than expected is sent again',
    file: judge,
    find: '  if (expectedOffset !== undefined && expectedOffset !== head.next)\n',
    replace: '  if (expectedOffset !== undefined && expectedOffset < -1)\n',
    world: worlds.conditional,
    seed: 2,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'a gap is told from an old copy of the head',
    file: sequence,
    find: 'head = (await readable(attempt, parts.heads.read(attempt.address))) ?? head;',
    replace: 'head = parts.heads.seen(attempt.address) ?? head;',
    world: worlds.calmlyHasty,
    caughtBy: ['refused without a cause'],
  },
  {
    name: 'what is uploaded again is named by its old name',
    file: sequence,
    find: 'return { ...attempt, entry, raw: encodeEntry(entry) };',
    replace: 'return { ...attempt, entry };',
    world: worlds.swept,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'what is uploaded again does not heed the fence',
    file: 'lib/log/append.ts',
    find: 'Math.max(minEpoch, segmentEpochAt(parts.clock.now()))',
    replace: 'Math.max(0, segmentEpochAt(parts.clock.now()), minEpoch - minEpoch)',
    world: worlds.calmlySwept,
    caughtBy: ['unknown without a cause', 'refused without a cause'],
  },
  {
    name: 'a request of yesterday is sequenced',
    file: sequence,
    find: 'if (Math.abs(ageMs) > oldestRunMs) {',
    replace: 'if (Math.abs(ageMs) > oldestRunMs * 1_000_000) {',
    world: worlds.sleepers,
    caughtBy: duplicate,
  },
];

const outcome: readonly Mutant[] = [
  {
    name: 'a doubtful answer of the table is not doubted',
    file: sequence,
    find: 'doubtful: attempt.doubtful || (result.doubtful ?? false)',
    replace: 'doubtful: false',
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'a refusal is not-written, whatever is on its way',
    file: sequence,
    find: `const outcome: Outcome = attempt.doubtful ? 'unknown' : 'not-written';`,
    replace: `const outcome: Outcome = 'not-written';`,
    world: worlds.hasty,
    seed: 2,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'a refusal is unknown, though nothing is on its way',
    file: sequence,
    find: `const outcome: Outcome = attempt.doubtful ? 'unknown' : 'not-written';`,
    replace: `const outcome: Outcome = 'unknown';`,
    world: worlds.calm,
    seed: 3,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'a failed read is not-written, whatever is on its way',
    file: sequence,
    find: 'const unknown = doubtful || (wasWrite && error.mayHaveActed);',
    replace: 'const unknown = wasWrite && error.mayHaveActed;',
    world: worlds.hastyAndThrottled,
    seed: 6,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'an update without an answer is not-written',
    file: sequence,
    find: 'const unknown = doubtful || (wasWrite && error.mayHaveActed);',
    replace: 'const unknown = doubtful;',
    world: worlds.alone,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'a failed read is unknown',
    file: sequence,
    find: 'const unknown = doubtful || (wasWrite && error.mayHaveActed);',
    replace: 'const unknown = doubtful || error.mayHaveActed;',
    world: worlds.alone,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'a failed upload is unknown',
    file: 'lib/log/append.ts',
    find: 'throw storageFailure(error, false, false);',
    replace: 'throw storageFailure(error, false, true);',
    world: worlds.alone,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'an offset that is not reached yet is not-written, whatever is on its way',
    file: judge,
    find: `const outcome = attempt.doubtful && head.next < expected ? 'unknown' : 'not-written';`,
    replace: `const outcome = 'not-written';`,
    world: worlds.ahead,
    seed: 9,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'an offset that was passed is unknown',
    file: judge,
    find: `const outcome = attempt.doubtful && head.next < expected ? 'unknown' : 'not-written';`,
    replace: `const outcome = attempt.doubtful ? 'unknown' : 'not-written';`,
    world: worlds.conditional,
    caughtBy: ['unknown without a cause'],
  },
];

const retries: readonly Mutant[] = [
  {
    name: 'a resend forgets that an earlier try may have acted',
    file: 'lib/storage/retry.ts',
    find: '        doubtful ||= error.mayHaveActed;\n',
    replace: '',
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'the last failure speaks for those before it',
    file: 'lib/storage/retry.ts',
    find: 'throw withDoubt(error, doubtful);',
    replace: 'throw error;',
    world: worlds.lostReplyAndThrottled,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'the answer to a resend is not marked doubtful',
    file: 'lib/storage/retry.ts',
    find: 'return doubtful ? { ...value, doubtful } : value;',
    replace: 'return value;',
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
];

export const answerMutants: readonly Mutant[] = [...refusal, ...outcome, ...retries];
