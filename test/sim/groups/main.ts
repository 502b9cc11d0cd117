// Worlds of groups by hand: npm run sim:groups -- [--world usual|faulty|'wrong clocks'] [--seeds n | --seed n] | --small all|name [--pairs n]
// One seed prints its trace.
import { parseArgs } from 'node:util';
import { everySingleFault, runSmall, smallGroupWorlds, somePairs } from './small-worlds.ts';
import { groupWorlds, runGroupWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    world: { type: 'string', default: 'usual' },
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string' },
    small: { type: 'string' },
    pairs: { type: 'string', default: '0' },
  },
});

const begun = performance.now();
const failures = values.small === undefined ? await random() : await small(values.small);
console.log(`${failures} failures, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
process.exitCode = failures > 0 ? 1 : 0;

async function random(): Promise<number> {
  const name = values.world as keyof typeof groupWorlds;
  const world = groupWorlds[name];
  if (!world) throw new Error(`there is no world ${name}: ${Object.keys(groupWorlds).join(', ')}`);
  const from = Number(values.seed ?? 1);
  const to = Number(values.seed ?? values.seeds);
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
  console.log(`${name}: ${to - from + 1} seeds, ${steps} steps; a partition was nobody's for at most ${unownedMs} ms`);
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
    const pairs = await somePairs(world, Number(values.pairs));
    for (const faults of pairs) {
      const { complaints } = await runSmall(world, faults);
      if (complaints.length > 0) console.log(`${world.name}, ${JSON.stringify([...faults])}: ${complaints[0]}`);
      if (complaints.length > 0) failures++;
    }
    console.log(`${world.name}: ${cases.length} single faults, ${pairs.length} pairs`);
  }
  return failures;
}
