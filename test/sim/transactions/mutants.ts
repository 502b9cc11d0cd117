// Each rule of transactions that was found by search is taken out in turn, and some more. A world, or a story of a call that
// sleeps for days, must notice.
import type { cleanPages } from '../../../lib/maintenance/pages.ts';
import type { ChangeOfFile } from '../core/change-plugin.ts';
import {
  appliedAgain,
  cleanedTooEarly,
  commitOfTheDecided,
  decidedByAnother,
  decidedForNobody,
  deletedBeforeOneStep,
  evictedAfterLookup,
  lateCommit,
  lateEndOfKafka,
  lateStageOfKafka,
  lateStagesOfNewer,
  listedAgain,
  madeAgain,
  removedByTtl,
  type Story,
  sleeperAfterCleaning,
  stageAfterExpiry,
  stageBetweenOfKafka,
  trimmedAgain,
} from './stories.ts';
import type { transactionsWorlds } from './worlds.ts';

export type TransactionsMutant = ChangeOfFile & {
  readonly name: string;
  readonly world:
    | keyof typeof transactionsWorlds
    | { readonly small: string }
    | { readonly story: Story }
    /** A story whose pages are cleaned by the changed code. */
    | { readonly cleaning: (clean: typeof cleanPages) => Story };
  /** The seed of a random world that noticed when this was written. Others are tried after it. The default is 1. */
  readonly seed?: number;
};

const item = 'lib/transaction/item.ts';
const apply = 'lib/transaction/apply.ts';
const commit = 'lib/transaction/commit.ts';

export const mutants: readonly TransactionsMutant[] = [
  {
    name: 'steps do not compare the xid, nor the token and the epoch',
    file: item,
    drop: 'inTransaction.isSameItem',
    turn: { byNewestInstance: "isInState('o')" },
    world: { story: stageAfterExpiry },
  },
  {
    name: 'steps do not compare the number, nor the token and the epoch',
    file: item,
    drop: 'inTransaction.isSameTransaction',
    turn: { byNewestInstance: "isInState('o')" },
    world: { story: lateCommit },
  },
  {
    name: 'a stage does not compare sequences',
    file: 'lib/transaction/stage-update.ts',
    turn: { 'stagingCondition.areInOrder': '[]' },
    world: { small: 'in one step' },
  },
  {
    name: 'a commit in one step does not look whether a topic is deleted',
    file: commit,
    drop: 'headWrite.isOpen',
    world: { story: deletedBeforeOneStep },
  },
  {
    name: 'a commit in one step does not look whether a topic was deleted since its records were staged',
    file: commit,
    drop: 'headWrite.isOpen',
    world: { small: 'a topic is deleted' },
  },
  {
    name: 'a decided transaction waits for a topic that is deleted',
    file: apply,
    turn: { 'applyTo.isClosed': '!head' },
    world: { story: decidedForNobody },
  },
  {
    name: 'a member commits the offsets of a partition that another member owns by now',
    file: 'lib/group/offsets/commit.ts',
    drop: 'memberRules.isOwner',
    world: { small: 'another member takes over' },
  },
  {
    name: 'the offsets are committed after the decision, and not with it',
    file: commit,
    text: [
      'const result = await context.table.transact([write, ...plan.offsets], newToken(context.clock));',
      `const result = await context.table.transact([write], newToken(context.clock));
    if (result.applied) await context.table.transact(plan.offsets, newToken(context.clock));`,
    ],
    world: { small: 'another member takes over, decided' },
  },
  {
    name: 'a commit takes no notice of what was staged meanwhile',
    file: commit,
    drop: 'itemWrite.isPlanned',
    world: { small: 'a stage beside the commit' },
  },
  {
    name: 'a commit does not look whether the transaction is decided',
    file: commit,
    drop: 'itemWrite.isOpen',
    world: { story: commitOfTheDecided },
  },
  {
    name: 'a commit is told once it is decided',
    file: commit,
    turn: { 'concluded.isDecided': 'false', 'concluded.isCommitted': 'true' },
    world: { small: 'decided' },
  },
  {
    name: 'a transaction is applied without a look at the log',
    file: apply,
    turn: { isInLog: 'false' },
    world: { story: appliedAgain },
  },
  {
    name: 'a transaction is applied without reading its item again',
    file: apply,
    turn: { isStillDecided: 'true' },
    world: { story: sleeperAfterCleaning },
  },
  {
    name: 'a head takes a transaction that it remembers',
    file: apply,
    drop: 'mayApply.notResident',
    world: 'decided, then applied',
    seed: 5,
  },
  {
    name: 'a head takes a transaction of a newer one of the id',
    file: apply,
    turn: { 'mayApply.isNext': 'isOpen' },
    world: 'decided, then applied',
    seed: 5,
  },
  {
    name: 'a head takes a transaction though its tail was spilled since the look',
    file: apply,
    drop: 'mayApply.notEvicted',
    world: { story: evictedAfterLookup },
  },
  {
    name: 'the decider trusts the heads that it read, though another process may have decided',
    file: commit,
    text: ['return applied ? before : new Map()', 'return before'],
    world: { story: decidedByAnother },
  },
  {
    name: 'a transaction is finished before it is applied',
    file: apply,
    drop: 'applyTo',
    world: { small: 'decided' },
  },
  {
    name: 'the history floor passes a transaction that is not over',
    file: 'lib/maintenance/pages.ts',
    turn: { isOfOpenTransaction: 'false' },
    world: { cleaning: cleanedTooEarly },
  },
  {
    name: 'the listing of an expired id stays',
    file: 'lib/transaction/expire.ts',
    text: ["{ kind: 'delete', key: transactionListingKey(item.transactionalId), if: isListed },", ''],
    world: { story: removedByTtl },
  },
  {
    name: 'an expired id is deleted at once',
    file: 'lib/transaction/expire.ts',
    text: [
      `kind: 'update',
        key: transactionKey(item.transactionalId),
        update: {
          set: [
            ['st', 'c'],
            ['k', item.number + 1],
            ['ttl', ttl],
          ],
        },`,
      "kind: 'delete', key: transactionKey(item.transactionalId),",
    ],
    world: { story: listedAgain },
  },
  {
    name: 'a new life of an id takes the xid of the one that was closed',
    file: 'lib/transaction/init.ts',
    turn: { 'create.isUsedUp': 'false' },
    world: { story: listedAgain },
  },
  {
    name: 'an item is made though its listing is gone',
    file: 'lib/transaction/init.ts',
    turn: { 'create.isListed': "absent('nothing')" },
    world: { story: madeAgain },
  },
  {
    name: 'a commit of nothing takes no notice of what was staged meanwhile',
    file: 'lib/transaction/end-plainly.ts',
    turn: { 'end.isPlanned': '[]' },
    world: 'over days',
    seed: 105,
  },
  {
    name: 'offsets are committed after the decision is made elsewhere',
    file: commit,
    text: [
      'const actions = [itemWrite(context, item, end), ...plan.heads.map(headWrite), ...plan.offsets];',
      'const actions = [itemWrite(context, item, end), ...plan.heads.map(headWrite)];',
    ],
    world: { small: 'in one step' },
  },
  {
    name: 'records that left the tail are not searched for their offsets',
    file: 'lib/transaction/committed-offsets.ts',
    text: ['if (missing === 0) return own;', 'return own;'],
    world: 'over days',
    seed: 12,
  },
  {
    name: 'some records of a transaction pass for all',
    file: 'lib/transaction/committed-offsets.ts',
    text: ['if (missing === 0) return own;', 'if (own.length > 0) return own;'],
    world: 'decided, then applied',
    seed: 19,
  },
  {
    name: 'records of another transaction of the id pass for those whose offsets are asked for',
    file: 'lib/transaction/committed-offsets.ts',
    text: [' && entry.transaction.number === number', ''],
    world: 'in one step',
  },
  {
    name: 'what was staged stays after an abort',
    file: item,
    text: ["'t', 'sb', 'go', 'y', 'dl', 'ix', 'ev'],", "'sb', 'go', 'y', 'dl', 'ix', 'ev'],"],
    world: { small: 'an abort' },
  },
  {
    name: "an end for Kafka's client does not look whether the client has gone",
    file: 'lib/transaction/newest-instance.ts',
    turn: { 'whyNotByProducer.hasGone': 'false' },
    world: { story: lateEndOfKafka },
  },
  {
    name: "a batch of Kafka's client goes to the transaction that is open by now",
    file: 'lib/transaction/stage.ts',
    text: ['{ ...request.in, transaction: item.number }', 'request.in'],
    world: { story: lateStageOfKafka },
  },
  {
    name: "a batch of Kafka's client opens a transaction",
    file: 'lib/transaction/open-item.ts',
    drop: 'checkBegun',
    world: { story: stageBetweenOfKafka },
  },
  {
    name: "a transaction of Kafka's client whose time is over leaves it its epoch",
    file: 'lib/transaction/expire.ts',
    text: ['await producerAfterTimeout(context, item)', '{ cp: item.producerId, ce: item.producerEpoch }'],
    world: { small: "the time of a client of Kafka's protocol is over between two batches" },
  },
  {
    name: "a request of Kafka's client is taken for one of whichever instance is the newest",
    file: 'lib/transaction/newest-instance.ts',
    turn: { 'whyNotByProducer.isNewest': 'item.isOfKafka' },
    world: "rivals, some of them Kafka's clients",
  },
  {
    name: 'an instance over HTTP keeps its sequences after one that spoke the protocol of Kafka',
    file: item,
    text: ['Buffer.compare(item.kt as Uint8Array, item.tk as Uint8Array) === 0', 'true'],
    world: { small: "rivals, of which one speaks Kafka's protocol" },
  },
  {
    name: "sequences of Kafka's client begin anew, though it counts on",
    file: item,
    turn: { 'endUpdate.sequencesGoOn': 'false' },
    world: { small: "a client of Kafka's protocol" },
  },
  {
    name: "a transaction of Kafka's client commits offsets that its member has lost",
    file: 'lib/transaction/offset-writes.ts',
    text: [
      'return writesOfMember(context, staged);',
      'return commitWrites(context, { groupId: staged.groupId, topics: staged.topics }, { byAnyone: true });',
    ],
    world: "Kafka's clients with members",
  },
  {
    name: "an end of Kafka's newer client leaves it its epoch",
    file: 'lib/transaction/producer-after.ts',
    text: ['item.raisesEpoch ?', 'false ?'],
    world: { story: lateStagesOfNewer },
  },
  {
    name: "an abort of nothing leaves Kafka's newer client its epoch",
    file: 'lib/transaction/of-producer.ts',
    text: ['ref.opens ?', 'false ?'],
    world: { story: lateStagesOfNewer },
  },
  {
    name: 'staged runs leave the item twice',
    file: 'lib/transaction/spill-staged.ts',
    drop: 'spill.notTrimmed',
    world: { story: trimmedAgain },
  },
];
