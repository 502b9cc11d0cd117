// Exhaustive small worlds: every single fault at every call, and every pair of faults at every pair of calls, in each
// order of steps of each world. A case that fails is told in one line that replays it.
//
// The calls of a world without faults are counted first; a case with one fault has calls of its own (repeats), and the
// second fault of a pair may meet any of those.
import {
  type Faults,
  type Pattern,
  type PreparedWorld,
  prepareWorld,
  runCase,
  type SmallWorld,
} from '../log/small/case.ts';
import { smallWorlds } from '../log/small/worlds.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { written } from './flags.ts';
import { reportProgress } from './progress.ts';
import { createRandom } from './random.ts';

type ExhaustiveOptions = {
  /** Of pairs: every one, or so many of each world, drawn by a fixed seed. */
  readonly pairs: 'all' | number;
  /** The name of one world. */
  readonly only?: string;
  readonly print?: (line: string) => void;
};

type WorldReport = {
  readonly world: string;
  readonly singles: number;
  readonly pairs: number;
  readonly steps: number;
  readonly ms: number;
  readonly failures: readonly string[];
};

type Single = {
  readonly patternIndex: number;
  readonly call: number;
  readonly kind: FaultKind;
  readonly calls: number;
};

/** Failures that are told in full; the others are counted. */
const mostTold = 20;

export async function runExhaustive(options: ExhaustiveOptions): Promise<WorldReport[]> {
  const print = options.print ?? console.log;
  const reports: WorldReport[] = [];
  for (const world of worldsNamed(options.only)) {
    const report = await runAllOf(world, options.pairs);
    reports.push(report);
    const { singles, pairs, steps, ms, failures } = report;
    const cases = `${singles} single faults and ${pairs} pairs`;
    const pace = `${(ms / 1000).toFixed(1)} s, ${(ms / (singles + pairs)).toFixed(1)} ms each, ${Math.round((steps / ms) * 1000)} steps a second`;
    print(`${world.name} (${world.about}): ${cases} in ${pace}: ${failures.length || 'no'} failures`);
    for (const failure of failures.slice(0, mostTold)) print(`  ${failure}`);
  }
  return reports;
}

function worldsNamed(name: string | undefined): readonly SmallWorld[] {
  const chosen = smallWorlds.filter((world) => name === undefined || world.name === name);
  if (chosen.length > 0) return chosen;
  throw new Error(`no world is named ${name}; there are ${smallWorlds.map((world) => world.name).join(', ')}`);
}

async function runAllOf(world: SmallWorld, pairs: 'all' | number): Promise<WorldReport> {
  const begun = performance.now();
  const prepared = await prepareWorld(world);
  const failures: string[] = [];
  let steps = 0;
  const run = async (patternIndex: number, faults: Faults) => {
    const result = await runCase(prepared, world.patterns[patternIndex]!, faults);
    steps += result.steps;
    const [first] = result.complaints;
    if (first) failures.push(`${first.split('\n')[0]}  ${commandOf(world, patternIndex, faults)}`);
    return result.calls;
  };
  const singles: Single[] = [];
  for (const patternIndex of world.patterns.keys()) {
    const calls = await run(patternIndex, new Map());
    for (let call = 0; call < calls; call++)
      for (const kind of faultKinds)
        singles.push({ patternIndex, call, kind, calls: await run(patternIndex, new Map([[call, kind]])) });
  }
  const chosen = pairs === 'all' ? everyPair(singles) : somePairs(singles, pairs);
  const progress = reportProgress(`pairs of ${world.name}`, pairs === 'all' ? countPairs(singles) : pairs);
  let count = 0;
  for (const [{ patternIndex, call, kind }, secondCall, secondKind] of chosen) {
    const faults = new Map([
      [call, kind],
      [secondCall, secondKind],
    ]);
    await run(patternIndex, faults);
    count++;
    progress();
  }
  return { world: world.name, singles: singles.length, pairs: count, steps, ms: performance.now() - begun, failures };
}

type Pair = readonly [first: Single, secondCall: number, secondKind: FaultKind];

function* everyPair(singles: readonly Single[]): Generator<Pair> {
  for (const first of singles)
    for (let call = first.call + 1; call < first.calls; call++)
      for (const kind of faultKinds) yield [first, call, kind];
}

const countPairs = (singles: readonly Single[]) =>
  singles.reduce((sum, { call, calls }) => sum + Math.max(0, calls - call - 1) * faultKinds.length, 0);

function* somePairs(singles: readonly Single[], count: number): Generator<Pair> {
  const random = createRandom(singles.length);
  const firsts = singles.filter(({ call, calls }) => call + 1 < calls);
  for (let i = 0; i < count && firsts.length > 0; i++) {
    const first = random.pick(firsts);
    yield [first, first.call + 1 + random.below(first.calls - first.call - 1), random.pick(faultKinds)];
  }
}

function commandOf(world: SmallWorld, patternIndex: number, faults: Faults): string {
  const list = written(faults) || "''";
  return `npm run sim -- --exhaustive --world ${world.name} --pattern ${patternIndex} --faults ${list}`;
}

/** One case again, with its trace. */
export async function replayCase(
  name: string,
  patternIndex: number,
  faults: Faults,
): Promise<{ readonly pattern: Pattern; readonly trace: readonly string[]; readonly complaints: readonly string[] }> {
  const world: PreparedWorld = await prepareWorld(worldsNamed(name)[0]!);
  const pattern = world.patterns[patternIndex];
  if (!pattern) throw new Error(`world ${name} has patterns 0 to ${world.patterns.length - 1}, not ${patternIndex}`);
  const trace: string[] = [];
  const { complaints } = await runCase(world, pattern, faults, (line) => trace.push(line));
  return { pattern, trace, complaints };
}
