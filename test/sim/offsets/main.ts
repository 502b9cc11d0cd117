// Worlds of committed offsets by hand: npm run sim:offsets -- --help
import { plural } from '../../../cli/output.ts';
import { commandOfWorlds, faultList, wholeOrAll, written } from '../core/flags.ts';
import type { OffsetsOperation } from './check.ts';
import {
  everyPair,
  everySingle,
  type Faults,
  runSmall,
  type SmallOffsetsWorld,
  smallOffsetsWorlds,
  somePairs,
} from './small-worlds.ts';
import { offsetsWorlds, runOffsetsWorld } from './world.ts';

type Flags = {
  readonly world: keyof typeof offsetsWorlds;
  readonly seeds: number;
  readonly seed?: number;
  readonly small?: string;
  readonly pairs: number | 'all';
  readonly faults?: Faults;
};

const command = commandOfWorlds('sim:offsets', {
  worlds: Object.keys(offsetsWorlds),
  usual: 'simple clients',
  smallWorlds: smallOffsetsWorlds.map(({ name }) => name),
})
  .description(
    'Worlds of committed offsets: one order of all operations must explain every answer. One seed is one history.',
  )
  .option('--pairs <n>', 'with --small: and so many pairs of faults of each, or all', wholeOrAll, 0)
  .option('--faults <list>', 'with --small: exactly these, as 12:reply-lost, with the trace', faultList);
const values = command.parse().opts<Flags>();
if (values.faults && values.small === undefined) command.error('error: --faults needs --small');

const begun = performance.now();
const failures = values.small === undefined ? await random() : await small(values.small);
console.log(`${plural(failures, 'failure')}, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
process.exitCode = failures > 0 ? 1 : 0;

async function random(): Promise<number> {
  const name = values.world;
  const world = offsetsWorlds[name];
  const from = values.seed ?? 1;
  const to = values.seed ?? values.seeds;
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
  console.log(`${name}: ${plural(to - from + 1, 'seed')}, ${total.steps} steps, ${total.operations} operations`);
  return total.failures;
}

async function small(name: string): Promise<number> {
  let failures = 0;
  for (const world of smallOffsetsWorlds.filter((each) => name === 'all' || each.name === name))
    failures += values.faults ? await traced(world, values.faults) : await everyFault(world);
  return failures;
}

async function traced(world: SmallOffsetsWorld, faults: Faults): Promise<number> {
  const { operations, complaints } = await runSmall(world, faults, { trace: (line) => console.log(line) });
  print(operations);
  for (const complaint of complaints) console.log(complaint);
  return complaints.length;
}

async function everyFault(world: SmallOffsetsWorld): Promise<number> {
  const { pairs } = values;
  const singles = await runCases(world, everySingle(world), 'single fault');
  if (pairs === 0) return singles;
  return singles + (await runCases(world, pairs === 'all' ? everyPair(world) : await somePairs(world, pairs), 'pair'));
}

async function runCases(
  world: SmallOffsetsWorld,
  cases: AsyncIterable<Faults> | Iterable<Faults>,
  what: string,
): Promise<number> {
  const total = { cases: 0, failures: 0, steps: 0 };
  for await (const faults of cases) {
    const { complaints, steps } = await runSmall(world, faults);
    total.cases++;
    total.steps += steps;
    if (complaints.length === 0) continue;
    total.failures++;
    console.log(`${complaints[0]}  --small '${world.name}' --faults ${written(faults)}`);
  }
  const { failures, steps } = total;
  console.log(`${world.name}: ${plural(total.cases, what)}, ${steps} steps, ${plural(failures, 'failure')}`);
  return failures;
}

function print(operations: readonly OffsetsOperation[]): void {
  for (const { begunMs, endedMs, what } of operations.toSorted((a, b) => a.begunMs - b.begunMs))
    console.log(`${begunMs} to ${endedMs}: ${what}`);
}
