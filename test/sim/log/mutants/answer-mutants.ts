// These are the guards of the answer: the meaning of a refusal, the outcome of the data, and what a resend remembers.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const sequence = 'lib/log/sequence.ts';
const judge = 'lib/log/judge.ts';
const duplicate = ['duplicate from an idempotent producer', 'unexplained duplicate'] as const;

const refusal: readonly Mutant[] = [
  {
    name: 'the own entry in the tail is not seen',
    file: judge,
    turn: { 'judge.own': 'undefined' },
    world: worlds.anonymous,
    seed: 2,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'the fence is judged before the own entry',
    file: judge,
    turn: {
      'judge.own':
        'head.fence > attempt.entry.segmentEpoch ? undefined : head.tail.find(({ entry }) => isSameRun(entry, attempt.entry))',
    },
    world: worlds.swept,
    seed: 25,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'an entry is the own one by its position alone',
    file: judge,
    turn: { 'judge.own': 'head.tail.find(({ entry }) => entry.position === attempt.entry.position)' },
    world: worlds.steady,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a refusal is judged from an older copy of the head',
    file: sequence,
    text: [
      '    head = result.old ? parseHead(result.old) : await makeHead(context, attempt);',
      '    head = view ?? parseHead(result.old!);',
    ],
    world: worlds.repeating,
    seed: 2,
    caughtBy: ['not-written was written', 'refused without a cause', 'unknown without a cause', ...duplicate],
  },
  {
    name: 'the history does not find a written batch',
    file: judge,
    turn: { 'judge.isWritten': 'false' },
    world: worlds.steady,
    caughtBy: ['offset withheld'],
  },
  {
    name: 'a duplicate of a resident producer is not looked for',
    file: judge,
    turn: { 'judgeProducer.isNew': 'atHead !== undefined' },
    world: worlds.steady,
    seed: 2,
    caughtBy: ['offset withheld'],
  },
  {
    name: 'without an id, pages are not searched for the own entry',
    file: judge,
    turn: { 'judgeAnonymous.mayBeThere': 'false' },
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'without an id, the page that straddles the first view is not searched',
    file: judge,
    turn: { 'judgeAnonymous.from': 'straddling ? firstView : 0' },
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'without an id, only the newest page is searched',
    file: sequence,
    turn: { 'sequence.firstView': 'Number.MAX_SAFE_INTEGER' },
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'an unexpected offset is reported before the search for the own entry',
    file: judge,
    text: [
      '  if (isWritten) return appended(',
      `  if (attempt.expectedOffset !== undefined && attempt.expectedOffset !== head.next)
    return { kind: 'refused', error: unexpectedOffset(attempt.address, head, attempt.expectedOffset) };
  if (isWritten) return appended(`,
    ],
    world: worlds.conditional,
    caughtBy: ['refused without a cause'],
  },
  {
    name: 'another offset than expected is sent again',
    file: judge,
    turn: { 'verdictOf.isElsewhere': 'false' },
    world: worlds.conditional,
    seed: 5,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'a gap is reported from an old copy of the head',
    file: sequence,
    turn: { 'patientVerdict.fresh': 'context.heads.seen(attempt.address)' },
    world: worlds.calmlyHasty,
    seed: 8,
    caughtBy: ['refused without a cause'],
  },
  {
    name: 'a gap is reported without a wait',
    file: sequence,
    turn: { gapMs: '0' },
    world: worlds.hasty,
    caughtBy: ['a gap is reported too early'],
  },
  {
    name: 'a segment that is uploaded again keeps its old name',
    file: sequence,
    turn: { 'uploadAgain.raw': 'attempt.raw' },
    world: worlds.swept,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'a repeated upload ignores the fence',
    file: 'lib/log/upload.ts',
    turn: { 'putSegment.segmentEpoch': 'segmentEpochAt(context.clock.now())' },
    world: worlds.calmlySwept,
    caughtBy: ['unknown without a cause', 'refused without a cause'],
  },
  {
    name: 'a request of yesterday is sequenced',
    file: sequence,
    turn: { oldestRunMs: 'Number.POSITIVE_INFINITY' },
    world: worlds.sleepers,
    caughtBy: duplicate,
  },
  {
    name: 'the age of a request counts from its admission',
    file: 'lib/log/append.ts',
    turn: { 'appendTo.begunMs': 'context.clock.now()' },
    world: worlds.sleepsBeforeAdmission,
    caughtBy: duplicate,
  },
];

const outcome: readonly Mutant[] = [
  {
    name: 'a doubtful answer of the table is not doubted',
    file: sequence,
    turn: { 'sequence.mayBeThere': 'false' },
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'a refusal is not-written, whatever is on its way',
    file: sequence,
    turn: { 'withOutcome.outcome': "'not-written'" },
    world: worlds.hasty,
    seed: 2,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'a refusal is unknown, though nothing is on its way',
    file: sequence,
    turn: { 'withOutcome.outcome': "'unknown'" },
    world: worlds.calm,
    seed: 12,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'a failed read is not-written, whatever is on its way',
    file: 'lib/storage/outcome.ts',
    turn: { 'errorOfStorage.unknown': 'wasWrite && error.mayHaveActed' },
    world: worlds.hastyAndThrottled,
    seed: 6,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'an update without an answer is not-written',
    file: 'lib/storage/outcome.ts',
    turn: { 'errorOfStorage.unknown': 'doubtful' },
    world: worlds.alone,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'a failed read is unknown',
    file: 'lib/storage/outcome.ts',
    turn: { 'errorOfStorage.unknown': 'doubtful || error.mayHaveActed' },
    world: worlds.alone,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'a failed upload is unknown',
    file: 'lib/log/append.ts',
    text: ['throw storageFailure(error, false, false);', 'throw storageFailure(error, false, true);'],
    world: worlds.alone,
    caughtBy: ['unknown without a cause'],
  },
  {
    name: 'an offset that the log has not reached is expected, and sent',
    file: sequence,
    turn: { 'reachedBy.isBeyondEnd': 'false' },
    world: worlds.ahead,
    seed: 50,
    caughtBy: ['not-written was written'],
  },
];

const retries: readonly Mutant[] = [
  {
    name: 'a resend forgets that an earlier try may have acted',
    file: 'lib/storage/retry.ts',
    text: ['        doubtful ||= error.mayHaveActed;\n', ''],
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'the last failure speaks for those before it',
    file: 'lib/storage/retry.ts',
    turn: { withDoubt: 'error' },
    world: worlds.lostReplyAndThrottled,
    caughtBy: ['not-written was written'],
  },
  {
    name: 'the answer to a resend is not marked doubtful',
    file: 'lib/storage/retry.ts',
    text: ['return doubtful ? { ...value, doubtful } : value;', 'return value;'],
    world: worlds.lostReplyAndSpill,
    caughtBy: ['unexplained duplicate'],
  },
];

export const answerMutants: readonly Mutant[] = [...refusal, ...outcome, ...retries];
