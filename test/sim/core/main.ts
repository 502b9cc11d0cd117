// The commands sim, sim:groups and sim:offsets share this. They run what the flags name, and end with 1 if anything
// failed.
import type { Command } from 'commander';
import { commandOfWorlds, type WorldFlags } from './flags.ts';
import { namedSmallWorlds, replay, runCases, runSeeds, told } from './run.ts';
import { lineOf, type Tally } from './tally.ts';
import type { Simulation } from './worlds.ts';

/** `adjust` adds flags of its own, and returns the simulation that those flags describe. */
export async function main(
  simulation: Simulation,
  adjust?: { readonly flags: (command: Command) => void; readonly by: (flags: Record<string, unknown>) => Simulation },
): Promise<void> {
  const command = commandOfWorlds(simulation);
  adjust?.flags(command);
  const flags = command.parse().opts<WorldFlags>();
  if (flags.faults && flags.small === undefined && !adjust) command.error('error: --faults needs --small');
  if (flags.faults && flags.small === 'all') command.error('error: --faults needs one small world');
  const begunMs = performance.now();
  const tallies: Tally[] = [];
  try {
    for await (const tally of runAll(adjust?.by(command.opts()) ?? simulation, flags)) {
      tallies.push(tally);
      if (!flags.json) console.log([lineOf(tally), ...told(tally)].join('\n  '));
    }
    if (flags.json) console.log(JSON.stringify(tallies));
    else console.log(`${((performance.now() - begunMs) / 1000).toFixed(1)} s`);
    process.exitCode = tallies.some(({ failures }) => failures.length > 0) ? 1 : 0;
  } catch (error) {
    console.error(`${simulation.script}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

async function* runAll(simulation: Simulation, flags: WorldFlags): AsyncGenerator<Tally> {
  const { script } = simulation;
  if (flags.small === undefined) yield await runRandom(simulation, flags);
  else if (flags.faults) yield await runOne(simulation, flags);
  else
    for (const world of namedSmallWorlds(simulation, flags.small))
      yield await runCases(script, world, { pairs: flags.pairs, ...(flags.part && { part: flags.part }) });
}

function runRandom({ script, randomWorlds }: Simulation, { world: name, seed, seeds, from, trace }: WorldFlags) {
  const world = randomWorlds.find((each) => each.name === name)!;
  const range = seed === undefined ? { from, seeds } : { from: seed, seeds: 1 };
  return runSeeds(script, world, { ...range, ...(trace && { trace: (line: string) => console.log(line) }) });
}

async function runOne(simulation: Simulation, { small, order, faults }: WorldFlags): Promise<Tally> {
  const [world] = namedSmallWorlds(simulation, small!);
  const { trace, complaints } = await replay(world!, order, faults!);
  console.log(trace.join('\n'));
  return { world: world!.name, cases: { cases: 1 }, most: {}, steps: 0, failures: complaints };
}
