// Runs random worlds one after the other, and tells of the first that fails: made smaller, with its trace and the command
// that replays it.
import { writeFileSync } from 'node:fs';
import { written } from '../core/flags.ts';
import type { History } from './history.ts';
import { reportProgress } from '../core/progress.ts';
import { toEdn } from '../real/edn.ts';
import { shrink } from './shrink.ts';
import { type defaultWorld, runWorld, type WorldOptions } from './world.ts';

export type RunOptions = {
  readonly from: number;
  readonly seeds: number;
  /** Print the trace of every world. */
  readonly trace: boolean;
  /** Lines of a trace that are printed. */
  readonly steps: number;
  /** Write the last history there. */
  readonly edn?: string | undefined;
};

/** True when no world showed an anomaly. */
export async function runRandomWorlds(world: Omit<WorldOptions, 'seed'>, options: RunOptions): Promise<boolean> {
  const begunMs = performance.now();
  const progress = reportProgress(`seeds from ${options.from}`, options.seeds);
  let steps = 0;
  for (let seed = options.from; seed < options.from + options.seeds; seed++) {
    const verdict = await verdictOf({ ...world, seed });
    steps += verdict.steps;
    if (options.trace) console.log(verdict.trace.slice(0, options.steps).join('\n'));
    if (options.edn !== undefined && verdict.history) writeFileSync(options.edn, toEdn(verdict.history));
    if (verdict.complaints.length > 0) {
      await report({ ...world, seed }, verdict.complaints, options.steps);
      return false;
    }
    progress();
  }
  const seconds = (performance.now() - begunMs) / 1000;
  const pace = `${steps} steps in ${seconds.toFixed(1)} s, ${Math.round(steps / seconds)} a second`;
  console.log(
    `${options.seeds === 1 ? '1 world' : `${options.seeds} worlds`} from seed ${options.from}: no anomaly. ${pace}`,
  );
  return true;
}

type Verdict = {
  readonly steps: number;
  readonly complaints: readonly string[];
  readonly trace: readonly string[];
  readonly history?: History;
};

async function verdictOf(world: WorldOptions): Promise<Verdict> {
  const trace: string[] = [];
  try {
    return { ...(await runWorld({ ...world, trace: (line) => trace.push(line) })), trace };
  } catch (error) {
    return { steps: 0, complaints: [error instanceof Error ? (error.stack ?? error.message) : String(error)], trace };
  }
}

async function report(failing: WorldOptions, complaints: readonly string[], steps: number): Promise<void> {
  console.log(`seed ${failing.seed} fails:\n  ${complaints.slice(0, 5).join('\n  ')}\nmaking it smaller ...`);
  const smallest = await shrink(failing);
  const { complaints: left, trace } = await verdictOf(smallest);
  const telling = trace.filter((line) => !/ (read|get|query) .*: done$/.test(line));
  console.log(telling.slice(0, steps).join('\n'));
  console.log(`  ${left.slice(0, 5).join('\n  ')}\nreplay: ${commandOf(smallest)}`);
}

/** The numbers of a world, as flags. */
export const worldFlags = {
  processes: 'processes',
  partitions: 'partitions',
  steady: 'steady',
  anonymous: 'anonymous',
  keyed: 'keyed',
  'one-shot': 'oneShot',
  conditional: 'conditional',
  readers: 'readers',
  sends: 'sends',
  'pause-ms': 'pauseMs',
  'spread-ms': 'spreadMs',
  'fault-rate': 'faultRate',
} as const satisfies Record<string, keyof typeof defaultWorld>;

/** The command that replays a world. */
function commandOf(world: WorldOptions): string {
  const flags = Object.entries(worldFlags).map(([flag, field]) => `--${flag} ${world[field]}`);
  const faults = world.faults && written(world.faults);
  return `npm run sim -- --seed ${world.seed} ${flags.join(' ')}${faults === undefined ? '' : ` --faults ${faults || "''"}`}`;
}
