// Each rule of push is taken out in turn. A world must notice.
import type { ChangeOfFile } from '../core/change-plugin.ts';
import type { pushWorlds } from './worlds.ts';

export type PushMutant = ChangeOfFile & {
  readonly name: string;
  readonly world: keyof typeof pushWorlds | { readonly small: string };
  /** The seed of a random world that noticed when this was written. Others are tried after it. The default is 1. */
  readonly seed?: number;
};

const ownership = 'lib/group/items/ownership.ts';
const take = 'lib/push/run/take.ts';
const run = 'lib/push/run/run.ts';

export const mutants: readonly PushMutant[] = [
  {
    name: 'a repeat of an invocation meets the lease of its own predecessor, and ends',
    file: take,
    turn: { 'isHeir.isOwn': 'false' },
    world: 'wrong clocks',
    seed: 1,
  },
  {
    name: 'a scheduled retry meets the lease that waits for it, and ends',
    file: take,
    turn: { 'isHeir.isFollowed': 'false' },
    world: 'one at a time, windows, wrong clocks',
    seed: 14,
  },
  {
    name: 'a run takes a partition whose lease is live',
    file: take,
    turn: { 'mayTake.isOver': 'isRun(owner)' },
    world: 'no event lost',
  },
  {
    name: 'a term begins although another began meanwhile',
    file: ownership,
    turn: { 'asRunFound.isSameTerm': 'all()' },
    world: 'many faults',
  },
  {
    name: 'a run writes in a term that is over',
    file: ownership,
    drop: 'inRun.isOurs',
    world: 'many faults',
    seed: 4,
  },
  {
    name: 'a late copy of a write of the term is applied',
    file: ownership,
    drop: 'inRun.isNew',
    world: 'many faults',
    seed: 138,
  },
  {
    name: 'a run does not look whether the subscription is active',
    file: run,
    turn: { active: "{ id: '', state: 'Enabled', changes: 0, settingsRevision: 1 }" },
    world: 'no event lost',
    seed: 53,
  },
  {
    name: 'a run does not look again after it released the partition',
    file: run,
    turn: { isBehind: 'false' },
    world: 'no event lost',
  },
  {
    name: 'a creation leaves the partitions where they are',
    file: 'lib/push/lifecycle/start.ts',
    drop: 'setStarts',
    world: { small: 'deleted and made again' },
  },
  {
    name: 'the router trusts an old copy',
    file: 'lib/push/route.ts',
    text: [
      'groupOffsetsKey(groupId, topicId, partition), { strong: true }',
      'groupOffsetsKey(groupId, topicId, partition)',
    ],
    world: 'no event lost',
    seed: 275,
  },
  {
    name: 'records are given up without letters',
    file: 'lib/push/run/give-up.ts',
    drop: 'send',
    world: { small: 'poison' },
  },
  {
    name: 'the letters of a step have another producer each time',
    file: 'lib/push/run/dead-letters.ts',
    text: ['.update(name)', '.update(name + performance.now())'],
    world: 'letters in a topic',
  },
  {
    name: 'an expiry that sleeps clears what a subscription has committed meanwhile',
    file: 'lib/group/lifecycle/expire.ts',
    turn: { 'expireEmpty.isDelivered': 'false' },
    world: 'many faults',
    seed: 117,
  },
  {
    name: 'a run delivers without a look at the other leases after it took its own',
    file: run,
    text: ['if (!(await hasRoomFor(context, subscription, hold.invocation.partition)))', 'if (false)'],
    world: 'one at a time',
    seed: 2,
  },
  {
    name: 'of two runs the one with the lower partition goes on, although the other delivers',
    file: 'lib/push/items/room.ts',
    text: [
      'others.delete(partition);',
      'for (const other of others.keys()) if (other >= partition) others.delete(other);',
    ],
    world: 'one at a time',
  },
  {
    name: 'a run does not look at the partitions that found no room',
    file: run,
    text: ['if (isLimited(subscription)) await', 'if (false) await'],
    world: 'two at a time',
  },
  {
    name: 'a change of the limit looks for nobody that had met it',
    file: 'lib/push/lifecycle/change.ts',
    text: ['if (request.maximumConcurrency !== undefined)', 'if (false)'],
    world: 'a limit that changes',
    seed: 29,
  },
  {
    name: 'a run that yielded does not look again',
    file: run,
    text: ["if (outcome === 'over') return;", "if (outcome === 'over' || outcome === 'no room') return;"],
    world: 'one at a time',
    seed: 85,
  },
  {
    name: 'a second copy of an invocation counts as a death of the run that only waits',
    file: take,
    turn: { 'noteAtStart.isLeft': 'leaseUntilMs !== 0' },
    world: { small: 'a wait for a full batch, and each event twice' },
  },
  {
    name: 'members join, and others commit, beside a subscription that came after their look',
    file: 'lib/group/items/heads.ts',
    turn: { hasNoSubscription: 'all()' },
    world: 'members',
  },
  {
    name: 'a commit without membership is taken beside a subscription',
    file: 'lib/group/offsets/commit.ts',
    text: ["if (head.subscription) throw delivered(groupId, 'UNKNOWN_MEMBER_ID');\n  if ((await", 'if ((await'],
    world: 'members',
    seed: 3,
  },
];
