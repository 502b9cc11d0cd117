// Worlds of committed offsets by hand: npm run sim:offsets -- [--world NAME] [--seeds n | --seed n]
// or --small all|NAME [--pairs | --faults 12:reply-lost,...]. One seed prints its trace, and all operations; faults do so too.
import { parseArgs } from 'node:util';
import type { FaultKind } from '../faults.ts';
import type { OffsetsOperation } from './check.ts';
import { everyPair, everySingle, type Faults, runSmall, smallOffsetsWorlds } from './small-worlds.ts';
import { offsetsWorlds, runOffsetsWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    world: { type: 'string', default: 'simple clients' },
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string' },
    small: { type: 'string' },
    pairs: { type: 'boolean', default: false },
    faults: { type: 'string' },
  },
});

const begun = performance.now();
const failures = values.small === undefined ? await random() : await small(values.small);
console.log(`${failures} failures, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
process.exitCode = failures > 0 ? 1 : 0;

async function random(): Promise<number> {
  const name = values.world as keyof typeof offsetsWorlds;
  const world = offsetsWorlds[name];
  if (!world) throw new Error(`there is no world ${name}: ${Object.keys(offsetsWorlds).join(', ')}`);
  const from = Number(values.seed ?? 1);
  const to = Number(values.seed ?? values.seeds);
  const trace = values.seed !== undefined && { trace: (line: string) => console.log(line) };
  const total = { failures: 0, steps: 0, operations: 0 };
  for (let seed = from; seed <= to; seed++) {
    const { complaints, steps, operations } = await runOffsetsWorld({ ...world, seed, ...trace });
    total.steps += steps;
    total.operations += operations.length;
    if (complaints.length > 0) total.failures++;
    for (const complaint of complaints.slice(0, 3)) console.log(`--world '${name}' --seed ${seed}: ${complaint}`);
    if (trace) print(operations);
  }
  console.log(`${name}: ${to - from + 1} seeds, ${total.steps} steps, ${total.operations} operations`);
  return total.failures;
}

async function small(name: string): Promise<number> {
  const chosen = smallOffsetsWorlds.filter((world) => name === 'all' || world.name === name);
  if (chosen.length === 0)
    throw new Error(`there is no world ${name}: ${smallOffsetsWorlds.map((world) => world.name).join(', ')}`);
  let failures = 0;
  for (const world of chosen) {
    if (values.faults !== undefined) {
      const result = await runSmall(world, parseFaults(values.faults), { trace: (line) => console.log(line) });
      print(result.operations);
      for (const complaint of result.complaints) console.log(complaint);
      failures += result.complaints.length;
      continue;
    }
    const total = { cases: 0, failures: 0, steps: 0 };
    for await (const faults of values.pairs ? everyPair(world) : everySingle(world)) {
      const { complaints, steps } = await runSmall(world, faults);
      total.cases++;
      total.steps += steps;
      if (complaints.length === 0) continue;
      total.failures++;
      console.log(`${complaints[0]}  --small '${world.name}' --faults ${written(faults)}`);
    }
    const what = values.pairs ? 'pairs of faults' : 'single faults';
    console.log(`${world.name}: ${total.cases} ${what}, ${total.steps} steps, ${total.failures} failures`);
    failures += total.failures;
  }
  return failures;
}

function written(faults: Faults): string {
  return [...faults].map(([call, kind]) => `${call}:${kind.replaceAll(' ', '-')}`).join(',');
}

function parseFaults(text: string): Faults {
  return new Map(
    text.split(',').map((one) => {
      const [call, kind] = one.split(':');
      return [Number(call), kind!.replaceAll('-', ' ') as FaultKind];
    }),
  );
}

function print(operations: readonly OffsetsOperation[]): void {
  for (const { begunMs, endedMs, what } of operations.toSorted((a, b) => a.begunMs - b.begunMs))
    console.log(`${begunMs} to ${endedMs}: ${what}`);
}
