// Each guard of committed offsets is taken out in turn, and a small world or a random one must notice.
import { expect, test } from 'vitest';
import type { ChangeOfFile } from '../core/change-plugin.ts';
import { tryCases } from '../core/exhaustive.ts';
import { mutated } from '../core/lib-under-test.ts';
import { smallOffsetsWorlds } from './small-worlds.ts';
import { type OffsetsWorldOptions, offsetsWorlds, runOffsetsWorld } from './world.ts';

type OffsetsMutant = ChangeOfFile & {
  readonly name: string;
  readonly world: keyof typeof offsetsWorlds | { readonly small: string };
  /**
   * The seed of a random world that was known to notice when this was written. Others are tried after it. The default
   * is 1.
   */
  readonly seed?: number;
};

const mutants: readonly OffsetsMutant[] = [
  {
    name: 'a deleted group leaves nothing',
    file: 'lib/group/items/sweep.ts',
    turn: { 'bury.burial': "{ kind: 'delete', key: { pk: item.pk, sk: item.sk } }" },
    world: { small: 'a group deleted and made anew' },
  },
  {
    name: 'a deletion skips an item that was changed meanwhile',
    file: 'lib/group/items/sweep.ts',
    turn: { 'bury.isAsRead': 'true' },
    world: 'simple clients',
    seed: 2,
  },
  {
    name: 'a changed slot is written to again',
    file: 'lib/group/items/write-ownership.ts',
    turn: { 'sortOut.isChanged': 'false' },
    world: 'simple clients',
    seed: 157,
  },
  {
    name: 'an item is made without the head',
    file: 'lib/group/items/write-ownership.ts',
    turn: { 'writeStep.makesAnItem': 'false' },
    world: { small: 'a group deleted beside commits' },
  },
  {
    name: 'a commit writes to a buried item',
    file: 'lib/group/offsets/commit.ts',
    turn: { 'simpleRules.isOfLater': 'false' },
    world: { small: 'a group deleted beside commits' },
  },
  {
    name: 'a commit does not look whether its group is still there',
    file: 'lib/group/offsets/commit.ts',
    turn: { 'commitSimply.isThere': 'true' },
    world: { small: 'a group expires beside a commit' },
  },
  {
    name: 'commits without a number, whatever the offset is',
    file: 'lib/group/offsets/commit.ts',
    drop: 'simpleRules.isSameOffset',
    world: { small: 'two commit to one partition' },
  },
  {
    name: 'a reset leaves the term as it is',
    file: 'lib/group/offsets/change-offsets.ts',
    turn: { 'ownerlessRules.free': '{ set: [], remove: [] }' },
    world: { small: 'a member freezes, and its offsets are reset' },
  },
  {
    name: 'a group expires without a second look',
    file: 'lib/group/lifecycle/expire.ts',
    turn: { 'expireWhole.hasOffsets': 'false' },
    world: { small: 'a group expires beside a commit' },
  },
];

const mostSeeds = 300;

type Noticed = { readonly complaints: readonly string[]; readonly without: readonly string[] };

/** The anomalies that were seen, and those that the unchanged engine shows in the very same case. */
async function noticed({ world: where, seed: first = 1, ...mutant }: OffsetsMutant): Promise<Noticed | undefined> {
  const { createEngine: newEngine } = await mutated(mutant);
  if (typeof where === 'object') {
    const world = smallOffsetsWorlds.find(({ name }) => name === where.small)!;
    for await (const { order, faults, verdict } of tryCases(world, {}, { newEngine })) {
      if (verdict.complaints.length === 0) continue;
      const run = await world.prepare();
      return { complaints: verdict.complaints, without: (await run(order, faults)).complaints };
    }
    return undefined;
  }
  const world: Omit<OffsetsWorldOptions, 'seed'> = offsetsWorlds[where];
  for (let seed = first; seed < first + mostSeeds; seed++) {
    const { complaints } = await runOffsetsWorld({ ...world, seed, newEngine });
    if (complaints.length > 0) return { complaints, without: (await runOffsetsWorld({ ...world, seed })).complaints };
  }
  return undefined;
}

test.each(mutants)('a world notices the mutant $name', async (mutant) => {
  expect(await noticed(mutant)).toMatchObject({ without: [] });
});
