// This runs the worlds of a simulation as its flags say, and reports the result of each.
import { type Part, type Sample, tryCases } from './exhaustive.ts';
import { written } from './flags.ts';
import { reportProgress } from './progress.ts';
import { emptyTally, type Tally, withCase } from './tally.ts';
import type { CaseVerdict, Faults, RandomWorld, Simulation, SmallWorld } from './worlds.ts';

/** The number of failures of one world that are reported in full. The others are counted. */
const mostTold = 20;

export type Seeds = { readonly from: number; readonly seeds: number; readonly trace?: (line: string) => void };

export async function runSeeds(script: string, world: RandomWorld, { from, seeds, trace }: Seeds): Promise<Tally> {
  const progress = reportProgress(`${world.name}, seeds from ${from}`);
  let tally = emptyTally(world.name);
  for (let seed = from; seed < from + seeds; seed++) {
    const verdict = await world.run(seed, trace && { trace });
    tally = withCase(tally, 'seeds', `npm run ${script} -- --world '${world.name}' --seed ${seed}`, verdict);
    if (verdict.complaints.length > 0 && tally.failures.length === 1)
      for (const line of (await world.explain?.(seed)) ?? verdict.complaints) console.log(line);
    progress(seed - from + 1, seeds);
  }
  return tally;
}

export async function runCases(script: string, world: SmallWorld, sample: Sample): Promise<Tally> {
  const progress = reportProgress(`${world.name}${partName(sample.part)}`);
  let tally = emptyTally(world.name);
  let tried = 0;
  for await (const { order, faults, verdict, expected } of tryCases(world, sample)) {
    const what = ['calm', 'single faults', 'pairs'][faults.size];
    tally = withCase(tally, what === 'calm' ? undefined : what, commandOf(script, world, order, faults), verdict);
    progress(++tried, expected);
  }
  return tally;
}

const partName = (part: Part | undefined) => (part ? `, part ${part.index + 1} of ${part.of}` : '');

const commandOf = (script: string, { name }: SmallWorld, order: number, faults: Faults): string =>
  `npm run ${script} -- --small '${name}' --order ${order} --faults ${written(faults) || "''"}`;

/** Runs one case again, with its trace. */
export async function replay(world: SmallWorld, order: number, faults: Faults) {
  if (order >= world.orders) throw new Error(`${world.name} has orders 0 to ${world.orders - 1}, not ${order}`);
  const trace: string[] = [];
  const run = await world.prepare();
  const verdict: CaseVerdict = await run(order, faults, { trace: (line) => trace.push(line) });
  return { trace, complaints: verdict.complaints };
}

export function told({ failures }: Tally): readonly string[] {
  const more = failures.length - mostTold;
  return [...failures.slice(0, mostTold), ...(more > 0 ? [`and ${more} more`] : [])];
}

export const namedSmallWorlds = ({ smallWorlds }: Simulation, name: string): readonly SmallWorld[] =>
  smallWorlds.filter((world) => name === 'all' || world.name === name);
