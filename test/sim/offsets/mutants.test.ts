// The guards of committed offsets are taken out in turn: a small world or a random one must notice.
import { expect, test } from 'vitest';
import { mutated } from '../mutants/lib-under-test.ts';
import { everySingle, runSmall, smallOffsetsWorlds } from './small-worlds.ts';
import { type OffsetsWorldOptions, offsetsWorlds, runOffsetsWorld } from './world.ts';

type OffsetsMutant = {
  readonly name: string;
  readonly file: string;
  /** Exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly world: keyof typeof offsetsWorlds | { readonly small: string };
};

const mutants: readonly OffsetsMutant[] = [
  {
    name: 'a deleted group leaves nothing',
    file: 'lib/group/sweep.ts',
    find: 'await table.write(burialOf(item, groupEpoch, ttl))',
    replace: "await table.write({ kind: 'delete', key: { pk: item.pk, sk: item.sk } })",
    world: { small: 'a group deleted and made anew' },
  },
  {
    name: 'a deletion passes over what was changed meanwhile',
    file: 'lib/group/sweep.ts',
    find: '    item = result.old;',
    replace: '    return;',
    world: 'simple clients',
  },
  {
    name: 'what was changed is written to again',
    file: 'lib/group/write-slots.ts',
    find: 'before && rules.readsFirst && !isDeepStrictEqual(before, slot)',
    replace: 'false',
    world: 'simple clients',
  },
  {
    name: 'an item is made without the head',
    file: 'lib/group/write-slots.ts',
    find: 'open.some(({ isNew }) => isNew)',
    replace: 'false',
    world: { small: 'a group deleted beside commits' },
  },
  {
    name: 'a commit writes to what is buried',
    file: 'lib/group/commit.ts',
    find: 'if (slot.term > head.groupEpoch) return beingChanged(groupId);',
    replace: '',
    world: { small: 'a group deleted beside commits' },
  },
  {
    name: 'a commit does not look whether its group is still there',
    file: 'lib/group/commit.ts',
    find: 'if (!isThere) throw beingChanged(groupId);',
    replace: '',
    world: { small: 'a group expires beside a commit' },
  },
  {
    name: 'commits without a number, whatever the offset is',
    file: 'lib/group/commit.ts',
    find: 'all(inTerm(partition, slot!), sameOffset(partition, slot!))',
    replace: 'inTerm(partition, slot!)',
    world: { small: 'two commit to one partition' },
  },
  {
    name: 'a reset leaves the term as it is',
    file: 'lib/group/change-offsets.ts',
    find: 'freeAt(entry.partition, epoch)',
    replace: '{ set: [] as const, remove: [] as const }',
    world: { small: 'a member freezes, and its offsets are reset' },
  },
  {
    name: 'a group expires without a second look',
    file: 'lib/group/expire.ts',
    find: 'if (slots.some(({ slot }) => slot.offset !== undefined)) return false;',
    replace: '',
    world: { small: 'a group expires beside a commit' },
  },
];

const mostSeeds = 300;

async function noticed({ world: where, ...mutant }: OffsetsMutant): Promise<string | undefined> {
  const { createEngine: newEngine } = await mutated({ ...mutant, name: `offsets ${mutant.name}` });
  if (typeof where === 'object') {
    const world = smallOffsetsWorlds.find(({ name }) => name === where.small)!;
    for await (const faults of everySingle(world)) {
      const { complaints } = await runSmall(world, faults, { newEngine });
      if (complaints[0]) return complaints[0];
    }
    return undefined;
  }
  const world: Omit<OffsetsWorldOptions, 'seed'> = offsetsWorlds[where];
  for (let seed = 1; seed <= mostSeeds; seed++) {
    const { complaints } = await runOffsetsWorld({ ...world, seed, newEngine });
    if (complaints[0]) return complaints[0];
  }
  return undefined;
}

test.each(mutants)('$name: noticed', { timeout: 120_000 }, async (mutant) => {
  expect(await noticed(mutant)).toBeDefined();
});
