// The simulation by hand: npm run sim -- --help
import { Command } from 'commander';
import { replayCase, runExhaustive } from '../core/exhaustive.ts';
import type { FaultKind } from '../core/faults.ts';
import { count, faultList, number, whole, wholeOrAll } from '../core/flags.ts';
import { runRandomWorlds, worldFlags } from './random-worlds.ts';
import { defaultWorld, type WorldOptions } from './world.ts';

type Flags = {
  seed?: number;
  seeds: number;
  from: number;
  steps: number;
  trace: boolean;
  faults?: Map<number, FaultKind>;
  edn?: string;
  exhaustive: boolean;
  world?: string;
  pattern?: number;
  pairs: 'all' | number;
};

const command = new Command('npm run sim --')
  .description('Worlds full of faults, judged by what clients saw. One seed is one history.')
  .option('--seed <n>', 'one world', whole)
  .option('--seeds <n>', 'so many worlds', count, 1)
  .option('--from <n>', 'the first of them', whole, 1)
  .option('--trace', 'print what happens', false)
  .option('--steps <n>', 'lines of a trace that are printed', whole, 400)
  .option(
    '--faults <list>',
    'exactly these, as 17:reply-lost,40:killed-after (call number: kind), instead of a rate',
    faultList,
  )
  .option('--edn <file>', 'write the history for an outside checker (docs/CHECKING.md)')
  .option('--exhaustive', 'small worlds: every fault at every call, and pairs of them', false)
  .option('--world <name>', 'only this small world')
  .option('--pattern <n>', 'with --world and --faults: that one case again, with its trace', whole)
  .option('--pairs <n>', 'pairs of faults of each small world, or all', wholeOrAll, 'all');
for (const [flag, field] of Object.entries(worldFlags)) {
  const parse = field === 'faultRate' ? number : whole;
  command.option(`--${flag} <n>`, `of a random world (default: ${defaultWorld[field]})`, parse);
}

async function main(flags: Flags & Partial<WorldOptions>): Promise<boolean> {
  if (flags.exhaustive && flags.pattern !== undefined) return replay(flags);
  if (flags.exhaustive) {
    const reports = await runExhaustive({
      pairs: flags.pairs,
      ...(flags.world !== undefined && { only: flags.world }),
    });
    return reports.every(({ failures }) => failures.length === 0);
  }
  const { seed, seeds, from, trace, steps, edn } = flags;
  const numbers = Object.values(worldFlags).filter((field) => flags[field] !== undefined);
  const given = Object.fromEntries(numbers.map((field) => [field, flags[field]])) as Partial<WorldOptions>;
  const world = { ...defaultWorld, ...given, ...(flags.faults && { faults: flags.faults }) };
  return runRandomWorlds(world, { from: seed ?? from, seeds, trace, steps, edn });
}

async function replay({ world, pattern, faults, steps }: Flags): Promise<boolean> {
  if (world === undefined) throw new Error('--pattern goes with --world');
  const { trace, complaints } = await replayCase(world, pattern!, faults ?? new Map());
  console.log(trace.slice(0, steps).join('\n'));
  console.log(complaints.length === 0 ? 'no anomaly' : complaints.join('\n'));
  return complaints.length === 0;
}

try {
  process.exitCode = (await main(command.parse().opts())) ? 0 : 1;
} catch (error) {
  console.error(`sim: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
