// The guards of groups, each taken out in turn, and what is seen without it. The numbers are those of the list of
// counterexamples that the rules were found with.
import type { GroupAnomalyName } from './check.ts';
import { type GroupStory, groupStories } from './stories.ts';
import type { groupWorlds } from './world.ts';

export type GroupMutant = {
  readonly name: string;
  readonly file: string;
  /** Exactly once in the file. */
  readonly find: string;
  readonly replace: string;
} & (
  | {
      readonly world: keyof typeof groupWorlds;
      /** Known to notice, when this was written; others are tried after it, within a bound. */
      readonly seed: number;
      readonly caughtBy: readonly GroupAnomalyName[];
    }
  | { readonly story: GroupStory }
);

const unsafe = [
  'term epoch fell',
  'term came again',
  'two owners in one generation',
  'commit by who had lost the partition',
  'read by two',
  'committed offset went back',
] as const;

export const groupMutants: readonly GroupMutant[] = [
  {
    name: '1, 7: claims without the stamp',
    file: 'lib/group/slots.ts',
    find: 'return all(sameOwner, term === 0',
    replace: "return any(absent('zz'), term === 0",
    seed: 2,
    world: 'wrong clocks',
    caughtBy: unsafe,
  },
  {
    name: '2: a member is written without its revision',
    file: 'lib/group/member.ts',
    find: "member ? equals('r', member.revision) : absent('v')",
    replace: "member ? absent('zz') : absent('zz')",
    story: groupStories.thawedMember,
  },
  {
    name: '3: a partition that is not listed is taken from whoever has not come to its epoch',
    file: 'lib/group/member.ts',
    find: 'return owner.epoch > epoch && !keeps;',
    replace: 'return !keeps;',
    story: groupStories.frozenClaimer,
  },
  {
    name: '4: heartbeats that come late count',
    file: 'lib/group/decide.ts',
    find: "  if (beat.seq < member.seq) return refused('INVALID_REQUEST', lateDetail(member, beat));\n  if (beat.seq === member.seq) return { kind: 'repeat' };\n",
    replace: '',
    story: groupStories.lateJoin,
  },
  {
    name: '6: who thaws releases the next term',
    file: 'lib/group/claim.ts',
    find: 'left.map((partition) => ownedSince(partition, member.memberId, member.epoch))',
    replace: 'left.map((partition) => ownedSince(partition, member.memberId, 1e9))',
    story: groupStories.thawedRelease,
  },
  {
    name: '8: claims of an old epoch',
    file: 'lib/group/claim.ts',
    find: 'else if (slot.term <= epoch && ',
    replace: 'else if (',
    seed: 10,
    world: 'faulty',
    caughtBy: unsafe,
  },
  {
    name: '9: released before it is recorded',
    file: 'lib/group/decide.ts',
    find: "return { kind: 'revoke', release, member",
    replace: "return { kind: 'revoke', release: union(release, surplus), member",
    seed: 24,
    world: 'faulty',
    caughtBy: unsafe,
  },
  {
    name: '10: a target is installed over a newer one',
    file: 'lib/group/heads.ts',
    find: "all(below('ae', target.epoch), absent('de'))",
    replace: "absent('de')",
    story: groupStories.thawedTarget,
  },
  {
    name: "16: closed members are nobody's business",
    file: 'lib/group/members.ts',
    find: 'return isNamed;',
    replace: 'return false;',
    seed: 1,
    world: 'usual',
    caughtBy: ['unowned at rest'],
  },
  {
    name: '18: commits by the member epoch alone',
    file: 'lib/group/commit.ts',
    find: 'all(ownedSince(partition, memberId, epoch), commitIsNew(partition, seq))',
    replace: 'commitIsNew(partition, seq)',
    seed: 1,
    world: 'usual',
    caughtBy: ['commit by who had lost the partition', 'committed offset went back'],
  },
  {
    name: '18: commits without a number',
    file: 'lib/group/commit.ts',
    find: 'all(ownedSince(partition, memberId, epoch), commitIsNew(partition, seq))',
    replace: 'ownedSince(partition, memberId, epoch)',
    seed: 3,
    world: 'wrong clocks',
    caughtBy: ['committed offset went back', 'acknowledged commit lost'],
  },
  {
    name: 'a partition moves before it was let go of',
    file: 'lib/group/decide.ts',
    find: "if (!isEmpty(release) && mayStillRead) return { kind: 'hold' };",
    replace: '',
    story: groupStories.lostRevocations,
  },
  {
    name: 'the dead are not watched',
    file: 'lib/group/members.ts',
    find: 'else if (isAiling(member, now)) ailing.push(member);',
    replace: '',
    seed: 2,
    world: 'usual',
    caughtBy: ['unowned at rest'],
  },
  {
    name: 'a clock that was ahead is not pulled back',
    file: 'lib/group/members.ts',
    find: 'isLiving(member) && member.renewedMs > latestMs + clockSkewMs;',
    replace: 'isLiving(member) && member.renewedMs > latestMs + 1e9;',
    seed: 25,
    world: 'wrong clocks',
    caughtBy: ['unowned at rest'],
  },
  {
    name: "a heartbeat is judged by the function's own clock",
    file: 'lib/group/heartbeat.ts',
    find: 'return { ...clock, now: () => Math.floor(receivedMs + clock.monotonic() - startedMs) };',
    replace: 'return clock;',
    seed: 12,
    world: 'clocks ahead of the gateway',
    caughtBy: ['read by two'],
  },
  {
    name: 'a new owner claims while the old one may commit',
    file: 'lib/group/member.ts',
    find: 'if (owner === undefined || !isLiving(owner)) return true;',
    replace: 'return true;',
    seed: 1,
    world: 'usual',
    caughtBy: unsafe,
  },
];
