// These are the guards of groups, each taken out in turn, with the anomalies that are seen without it. The numbers are
// those of the list of counterexamples with which the rules were found.
import type { ChangeOfFile } from '../core/change-plugin.ts';
import type { GroupAnomalyName } from './check.ts';
import { type GroupStory, groupStories } from './stories.ts';
import type { groupWorlds } from './world.ts';

export type GroupMutant = ChangeOfFile & { readonly name: string } & (
    | {
        readonly world: keyof typeof groupWorlds;
        /** This seed was known to notice when this was written. Others are tried after it, within a bound. */
        readonly seed: number;
        readonly caughtBy: readonly GroupAnomalyName[];
      }
    | { readonly story: GroupStory }
  );

const unsafe = [
  'term epoch fell',
  'term came again',
  'two owners in one generation',
  'commit after the partition was lost',
  'read by two',
  'committed offset went back',
] as const;

export const groupMutants: readonly GroupMutant[] = [
  {
    name: '1, 7: claims without the stamp',
    file: 'lib/group/items/ownership.ts',
    turn: { inTerm: "absent('zz')" },
    seed: 3,
    world: 'wrong clocks',
    caughtBy: unsafe,
  },
  {
    name: '2: a member is written without its revision',
    file: 'lib/group/items/member.ts',
    turn: { asRead: "absent('zz')" },
    story: groupStories.thawedMember,
  },
  {
    name: '3: a partition that is not listed is taken from a member that has not reached its epoch',
    file: 'lib/group/items/member.ts',
    turn: { 'isOver.isPast': 'true' },
    story: groupStories.frozenClaimer,
  },
  {
    name: '4: heartbeats that come late count',
    file: 'lib/group/membership/decide.ts',
    turn: { 'admit.isLate': 'false', 'admit.isRepeat': 'false' },
    story: groupStories.lateJoin,
  },
  {
    name: '6: a process that thaws releases the next term',
    file: 'lib/group/membership/claim.ts',
    turn: { 'release.areOurs': 'left.map((partition) => ownedSince(partition, member.memberId, 1e9))' },
    story: groupStories.thawedRelease,
  },
  {
    name: '8: claims of an old epoch',
    file: 'lib/group/membership/claim.ts',
    turn: { isNotNewer: 'true' },
    seed: 18,
    world: 'faulty',
    caughtBy: unsafe,
  },
  {
    name: '9: released before it is recorded',
    file: 'lib/group/membership/decide.ts',
    text: [
      "return { kind: 'revoke', release, member",
      "return { kind: 'revoke', release: union(release, surplus), member",
    ],
    seed: 31,
    world: 'faulty',
    caughtBy: unsafe,
  },
  {
    name: '10: a target is installed over a newer one',
    file: 'lib/group/items/heads.ts',
    drop: 'install.isNewer',
    story: groupStories.thawedTarget,
  },
  {
    name: '16: closed members are ignored',
    file: 'lib/group/items/members.ts',
    text: ['return isNamed;', 'return false;'],
    seed: 1,
    world: 'usual',
    caughtBy: ['unowned at rest'],
  },
  {
    name: '18: commits by the member epoch alone',
    file: 'lib/group/offsets/commit.ts',
    drop: 'memberRules.isOwner',
    seed: 2,
    world: 'usual',
    caughtBy: ['commit after the partition was lost', 'committed offset went back'],
  },
  {
    name: '18: commits without a number',
    file: 'lib/group/offsets/commit.ts',
    drop: 'memberRules.isNew',
    seed: 6,
    world: 'wrong clocks',
    caughtBy: ['committed offset went back', 'acknowledged commit lost'],
  },
  {
    name: 'a partition moves before it was let go of',
    file: 'lib/group/membership/decide.ts',
    turn: { 'reconcile.mayStillRead': 'false' },
    story: groupStories.lostRevocations,
  },
  {
    name: 'the dead are not watched',
    file: 'lib/group/items/members.ts',
    turn: { isAiling: 'false' },
    seed: 5,
    world: 'usual',
    caughtBy: ['unowned at rest'],
  },
  {
    name: 'a clock that was ahead is not pulled back',
    file: 'lib/group/items/members.ts',
    turn: { isFromTheFuture: 'false' },
    seed: 29,
    world: 'wrong clocks',
    caughtBy: ['unowned at rest'],
  },
  {
    name: "a heartbeat is judged by the function's own clock",
    file: 'lib/group/membership/heartbeat.ts',
    turn: { 'timeOf.now': 'clock.now()' },
    seed: 12,
    world: 'clocks ahead of the gateway',
    caughtBy: ['read by two'],
  },
  {
    name: 'a new owner claims while the old one may commit',
    file: 'lib/group/items/member.ts',
    turn: { isOver: 'true' },
    seed: 1,
    world: 'usual',
    caughtBy: unsafe,
  },
];
