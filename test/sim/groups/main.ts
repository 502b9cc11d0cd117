// Worlds of groups by hand: npm run sim:groups -- --help
import { plural } from '../../../cli/output.ts';
import { commandOfWorlds, whole } from '../core/flags.ts';
import { everySingleFault, runSmall, smallGroupWorlds, somePairs } from './small-worlds.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

type Flags = {
  readonly world: keyof typeof groupWorlds;
  readonly seeds: number;
  readonly seed?: number;
  readonly small?: string;
  readonly pairs: number;
};

const values = commandOfWorlds('sim:groups', {
  worlds: Object.keys(groupWorlds),
  usual: 'usual',
  smallWorlds: smallGroupWorlds.map(({ name }) => name),
})
  .description('Worlds of groups, judged by what members and readers saw. One seed is one history.')
  .option('--pairs <n>', 'with --small: and so many pairs of faults of each', whole, 0)
  .parse()
  .opts<Flags>();

const begun = performance.now();
const failures = values.small === undefined ? await random() : await small(values.small);
console.log(`${plural(failures, 'failure')}, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
process.exitCode = failures > 0 ? 1 : 0;

async function random(): Promise<number> {
  const name = values.world;
  const world = groupWorlds[name];
  const from = values.seed ?? 1;
  const to = values.seed ?? values.seeds;
  const trace = values.seed !== undefined && { trace: (line: string) => console.log(line) };
  let failures = 0;
  let steps = 0;
  let unownedMs = 0;
  for (let seed = from; seed <= to; seed++) {
    const result = await runGroupWorld({ ...world, seed, ...trace });
    steps += result.steps;
    for (const { fromMs, toMs } of result.history.unowned) unownedMs = Math.max(unownedMs, toMs - fromMs);
    if (result.complaints.length > 0) failures++;
    for (const complaint of result.complaints.slice(0, 3))
      console.log(`--world '${name}' --seed ${seed}: ${complaint}`);
  }
  console.log(
    `${name}: ${plural(to - from + 1, 'seed')}, ${steps} steps; a partition was nobody's for at most ${unownedMs} ms`,
  );
  return failures;
}

async function small(name: string): Promise<number> {
  let failures = 0;
  for (const world of smallGroupWorlds.filter((each) => name === 'all' || each.name === name)) {
    const cases = await everySingleFault(world);
    for (const { call, kind } of cases) {
      const { complaints } = await runSmall(world, new Map([[call, kind]]));
      if (complaints.length === 0) continue;
      failures++;
      console.log(`${world.name}, call ${call}, ${kind}: ${complaints[0]}`);
    }
    const pairs = await somePairs(world, values.pairs);
    for (const faults of pairs) {
      const { complaints } = await runSmall(world, faults);
      if (complaints.length > 0) console.log(`${world.name}, ${JSON.stringify([...faults])}: ${complaints[0]}`);
      if (complaints.length > 0) failures++;
    }
    console.log(`${world.name}: ${cases.length} single faults, ${pairs.length} pairs`);
  }
  return failures;
}
