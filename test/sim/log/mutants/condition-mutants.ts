// These guards decide which append is allowed: the condition of the update, the lookup beside it, the decision on
// sequences, and admission.
import type { Mutant } from './mutant.ts';
import { worlds } from './worlds.ts';

const sequence = 'lib/log/sequence.ts';
const duplicate = ['duplicate from an idempotent producer', 'unexplained duplicate'] as const;

const condition: readonly Mutant[] = [
  {
    name: 'the update does not look at the sweep fence',
    file: sequence,
    drop: 'sequencingUpdate.notFenced',
    world: worlds.swept,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'any sequence of a resident producer is in order',
    file: sequence,
    turn: { 'producerMayAppend.isInOrder': "{ test: 'exists', path: resident }" },
    world: worlds.steady,
    caughtBy: duplicate,
  },
  {
    name: 'a sequence below the next is in order',
    file: sequence,
    turn: {
      'producerMayAppend.isInOrder':
        "{ test: 'atLeast', path: resident, value: encodeProducerState(epoch, firstSequence) }",
    },
    world: worlds.steady,
    caughtBy: duplicate,
  },
  {
    name: 'a sequence above the next is in order',
    file: sequence,
    turn: { 'producerMayAppend.isInOrder': 'atMost(resident, encodeProducerState(epoch, firstSequence))' },
    world: worlds.pipelined,
    caughtBy: ['a predecessor is missing'],
  },
  {
    name: 'a newer epoch may begin anywhere',
    file: sequence,
    turn: { 'producerMayAppend.mayBeginEpoch': 'true' },
    world: worlds.fencing,
    seed: 20,
    caughtBy: ['a predecessor is missing'],
  },
  {
    name: 'any epoch may begin again at sequence 0',
    file: sequence,
    turn: { isOfOlderEpoch: "{ test: 'exists', path: resident }" },
    world: worlds.steady,
    seed: 2,
    caughtBy: duplicate,
  },
  {
    name: 'a producer is new though it is resident',
    file: sequence,
    drop: 'neverSeen.notResident',
    world: worlds.steady,
    seed: 2,
    caughtBy: duplicate,
  },
  {
    name: 'a producer is new though it was evicted',
    file: sequence,
    drop: 'neverSeen.notEvicted',
    world: worlds.steady,
    seed: 3,
    caughtBy: duplicate,
  },
  {
    name: 'a new producer may begin anywhere',
    file: sequence,
    turn: { 'producerMayAppend.mayBeNew': 'id < firstTransactionalId' },
    world: worlds.pipelined,
    caughtBy: ['a predecessor is missing'],
  },
  {
    name: 'a hashed id is new because it is above x',
    file: sequence,
    turn: { 'producerMayAppend.mayBeNew': 'firstSequence === 0' },
    world: worlds.keyed,
    caughtBy: duplicate,
  },
  {
    name: 'after a lookup a resident producer may append',
    file: sequence,
    drop: 'notSinceLookup.notResident',
    world: worlds.keyed,
    seed: 2,
    caughtBy: duplicate,
  },
  {
    name: 'after a lookup the tail may have moved on (b <= n0)',
    file: sequence,
    drop: 'notSinceLookup.notTrimmed',
    world: worlds.keyed,
    seed: 2,
    caughtBy: duplicate,
  },
  {
    name: 'without an id, the own entry may be in the tail',
    file: sequence,
    drop: 'notInLog.notInTail',
    world: worlds.anonymous,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'without an id, the tail may have moved on (b <= n0)',
    file: sequence,
    drop: 'notInLog.notTrimmed',
    world: worlds.anonymous,
    caughtBy: ['unexplained duplicate'],
  },
  {
    name: 'expectedOffset is not asked for',
    file: sequence,
    drop: 'sequencingUpdate.atExpectedOffset',
    world: worlds.conditional,
    caughtBy: ['expected offset missed'],
  },
];

const lookup: readonly Mutant[] = [
  {
    name: 'a lookup counts though the producer was resident in that copy',
    file: sequence,
    turn: { 'lookedUpTo.isResident': 'false' },
    world: worlds.heldTrim,
    caughtBy: duplicate,
  },
  {
    name: 'a lookup counts up to where the history reaches',
    file: sequence,
    text: ['mayFollow ? head.next', 'mayFollow ? history.to'],
    world: worlds.slowLook,
    caughtBy: duplicate,
  },
  {
    name: 'the first run of a key starts from a newer head than the one from before its claim',
    file: sequence,
    turn: { 'sendInTurn.mayBeNewer': 'sends === 0' },
    world: worlds.keyedSleeper,
    caughtBy: duplicate,
  },
  {
    name: 'a lookup counts whatever it finds',
    file: sequence,
    turn: { 'lookedUpTo.mayFollow': 'true' },
    world: worlds.oneShots,
    caughtBy: duplicate,
  },
  {
    name: 'an Idempotency-Key is claimed over another claim',
    file: 'lib/log/append-records.ts',
    drop: 'claim.notClaimed',
    world: worlds.keyed,
    caughtBy: duplicate,
  },
  {
    name: 'a repeat by its Idempotency-Key is stamped and placed again',
    file: 'lib/log/append-records.ts',
    turn: { 'anchorOf.claimedMs': 'context.clock.now()' },
    world: worlds.keyed,
    caughtBy: duplicate,
  },
  {
    name: 'the head that a new Idempotency-Key starts from is read after its claim',
    file: 'lib/log/append.ts',
    text: [
      'caller.firstViews.get(part.partition) ?? headBeside(context, topic, part)',
      'headBeside(context, topic, part)',
    ],
    world: worlds.keyedSleeper,
    caughtBy: duplicate,
  },
  {
    name: 'a hashed id above x needs no lookup',
    file: sequence,
    turn: { 'lookedUpTo.wasNeverSeen': 'head.highestEvictedId < producer.id' },
    world: worlds.keyed,
    caughtBy: ['refused without a cause', 'unknown without a cause'],
  },
];

const decide = 'lib/producer/decide.ts';
const admission: readonly Mutant[] = [
  {
    name: 'a run may hold batches of two producers',
    file: 'lib/log/admit.ts',
    turn: { 'producerOf.isSameProducer': 'true' },
    world: worlds.strangersInOnePart,
    caughtBy: duplicate,
  },
  {
    name: 'a run may hold a batch twice',
    file: 'lib/log/admit.ts',
    turn: { 'producerOf.follows': 'true' },
    world: worlds.twiceInOnePart,
    caughtBy: duplicate,
  },
  {
    name: 'a run may skip a sequence number',
    file: 'lib/log/admit.ts',
    turn: { 'producerOf.follows': 'id < 0 || (header.producerEpoch === epoch && header.baseSequence >= sequence)' },
    world: worlds.gapInOnePart,
    caughtBy: ['lost acknowledged write'],
  },
  {
    name: 'decide: a newer epoch may begin anywhere',
    file: decide,
    text: [
      `if (batch.epoch > known.epoch) return batch.firstSequence === 0 ? 'append' : 'gap';`,
      `if (batch.epoch > known.epoch) return 'append';`,
    ],
    world: worlds.fencing,
    seed: 6,
    caughtBy: ['a predecessor is missing'],
  },
  {
    name: 'decide: an older epoch may continue',
    file: decide,
    turn: { 'decide.isFenced': 'false' },
    world: worlds.fencing,
    caughtBy: ['written was not written', 'written by a fenced epoch'],
  },
  {
    name: 'decide: an unknown producer may begin anywhere',
    file: decide,
    text: [`return batch.firstSequence === 0 ? 'append' : 'unknown';`, `return 'append';`],
    world: worlds.pipelined,
    seed: 5,
    caughtBy: ['a predecessor is missing'],
  },
  {
    name: 'decide: a partly written run is a duplicate',
    file: decide,
    turn: { 'decide.isWhole': 'true' },
    world: worlds.recutting,
    caughtBy: ['written was not written'],
  },
  {
    name: 'decide: a run that is ahead is a duplicate',
    file: decide,
    turn: { 'decide.isBehind': 'true' },
    world: worlds.pipelined,
    caughtBy: ['written was not written'],
  },
];

export const conditionMutants: readonly Mutant[] = [...condition, ...lookup, ...admission];
