// The guards of the classic protocol, each taken out in turn, with the anomalies that are seen without it. They are those
// without which the search in the design found a violation.
import type { ChangeOfFile } from '../../core/change-plugin.ts';
import type { ClassicAnomaly } from './check.ts';
import { type ClassicStory, frozenCompletion } from './stories.ts';
import type { classicWorlds } from './world.ts';

export type ClassicMutant = ChangeOfFile & { readonly name: string } & (
    | {
        readonly world: keyof typeof classicWorlds;
        /** This seed was known to notice when this was written. Others are tried after it, within a bound. */
        readonly seed: number;
        readonly caughtBy: readonly ClassicAnomaly[];
      }
    /** Without a fault, the small world that is named so notices. */
    | { readonly small: string; readonly caughtBy: readonly ClassicAnomaly[] }
    | { readonly story: ClassicStory }
  );

const unsafe = [
  'two owners in one generation',
  'told before the fence',
  'term epoch fell',
  'term changed hands',
  'commit after the fence',
  'committed offset went back',
  'acknowledged commit lost',
] as const;

export const classicMutants: readonly ClassicMutant[] = [
  {
    name: 'no fence',
    file: 'lib/group/classic/fence.ts',
    turn: { fence: "'done'" },
    world: 'classic usual',
    seed: 1,
    caughtBy: unsafe,
  },
  {
    name: 'fence after telling',
    file: 'lib/group/classic/sync.ts',
    text: [
      'const fenced = await fence(',
      'await settleGeneration(context, groupId, generation);\n  const fenced = await fence(',
    ],
    world: 'classic faulty',
    seed: 1,
    caughtBy: unsafe,
  },
  {
    name: 'fence before installing',
    file: 'lib/group/classic/sync.ts',
    text: [
      'await installAssignment(',
      'await fence(context, groupId, generation, portions);\n  await installAssignment(',
    ],
    world: 'classic faulty',
    seed: 3,
    caughtBy: unsafe,
  },
  {
    name: 'an owner without a term',
    file: 'lib/group/items/ownership.ts',
    text: [
      'const { set, remove } = freeAt(partition, generation);',
      "const { remove } = freeAt(partition, generation);\n  const set: Change['set'] = [];",
    ],
    world: 'classic usual',
    seed: 1,
    caughtBy: unsafe,
  },
  {
    name: 'a round is completed after another was opened',
    file: 'lib/group/items/classic-heads.ts',
    drop: 'completeRound.isThisRound',
    story: frozenCompletion,
  },
  {
    name: 'nobody opens a round for the closed',
    file: 'lib/group/classic/rounds.ts',
    turn: { hasGone: 'false' },
    world: 'classic usual',
    seed: 15,
    caughtBy: ['not owned once at rest'],
  },
  {
    name: "slots not taken over by a static member's successor",
    file: 'lib/group/classic/sync.ts',
    turn: { 'advance.isOwner': 'true' },
    world: 'classic static',
    seed: 1,
    caughtBy: unsafe,
  },
  {
    name: 'any member may speak for an instance',
    file: 'lib/group/classic/static.ts',
    turn: { 'refusalOfInstance.holder': 'memberId' },
    world: 'classic static',
    seed: 1,
    caughtBy: ['no stable generation', 'not owned once at rest', ...unsafe],
  },
  {
    name: 'commits of any generation',
    file: 'lib/group/classic/commit.ts',
    drop: 'generationRules.isInTerm',
    turn: { 'generationRules.isOwner': 'true' },
    world: 'classic usual',
    seed: 3,
    caughtBy: unsafe,
  },
  {
    name: 'commits without the offset that was read',
    file: 'lib/group/classic/commit.ts',
    drop: 'generationRules.isSameOffset',
    world: 'classic faulty',
    seed: 2,
    caughtBy: ['committed offset went back', 'acknowledged commit lost'],
  },
  {
    name: 'commits whose client has gone',
    file: 'lib/group/classic/commit.ts',
    turn: { 'generationRules.hasGone': 'false' },
    world: 'classic faulty',
    seed: 45,
    caughtBy: ['committed offset went back', 'acknowledged commit lost'],
  },
  {
    name: 'a member that says something else is taken for one that asks again',
    file: 'lib/group/classic/rounds.ts',
    text: ['Buffer.compare(known.metadata, metadata) === 0', 'true'],
    world: 'classic cooperative',
    seed: 1,
    caughtBy: ['told what another holds', 'not owned once at rest'],
  },
  {
    name: 'a member joins beside one that sends heartbeats',
    file: 'lib/group/classic/rounds.ts',
    text: ['return present.length > 0 || me', 'return false'],
    small: 'classic: the group comes back from heartbeats',
    caughtBy: ['members of both protocols'],
  },
  {
    name: 'a member of heartbeats joins beside classic ones',
    file: 'lib/group/membership/end-classic.ts',
    text: ['others.length > dead.length', 'false'],
    small: 'classic: the group goes over to heartbeats',
    caughtBy: ['members of both protocols'],
  },
];
