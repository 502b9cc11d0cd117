// The worlds of the log: random ones of several kinds, and the small ones.
import { written } from '../core/flags.ts';
import type { RandomWorld, RunOptions, Simulation, Verdict } from '../core/worlds.ts';
import { shrink } from './shrink.ts';
import { smallLogWorlds } from './small/worlds.ts';
import { defaultWorld, runWorld, type WorldOptions, type WorldResult } from './world.ts';

type World = Omit<WorldOptions, 'seed'>;

const upkeep = { maintainers: 3, readers: 3, oneShot: 40, pauseMs: 200, spreadMs: 12_000 };

export const logWorlds = {
  'mixed clients': defaultWorld,
  'half of all calls suffer': { ...defaultWorld, faultRate: 0.5, sends: 5, oneShot: 10 },
  'hundreds of producers that live for one batch': {
    ...defaultWorld,
    partitions: 1,
    steady: 1,
    anonymous: 0,
    keyed: 0,
    oneShot: 300,
    processes: 4,
  },
  'group commit': {
    ...defaultWorld,
    processes: 2,
    steady: 6,
    anonymous: 6,
    keyed: 2,
    oneShot: 40,
    maintainers: 1,
    pauseMs: 30,
    spreadMs: 3_000,
    uploadsAtOnce: 1,
  },
  'hedged requests': { ...defaultWorld, hedgeRate: 0.5, faultRate: 0.1, maintainers: 2, oneShot: 15 },
  maintenance: { ...defaultWorld, ...upkeep },
  'small appends': { ...defaultWorld, ...upkeep, inlineBytes: 65_536 },
  // The limit lies within the sizes of the batches, so the batches of one producer go both ways.
  'group commit, small appends and hedging': {
    ...defaultWorld,
    ...upkeep,
    processes: 2,
    steady: 5,
    anonymous: 4,
    pauseMs: 30,
    spreadMs: 3_000,
    inlineBytes: 170,
    uploadsAtOnce: 1,
    hedgeRate: 0.3,
    faultRate: 0.05,
  },
  'many partitions and processes': { ...defaultWorld, partitions: 8, processes: 8, steady: 6, sends: 10 },
} as const satisfies Record<string, World>;

/**
 * An explanation prints at most this many lines of a trace. It leaves out the reads on the way, and keeps the results.
 */
const mostLines = 400;

/** `heard` is called with each result. */
export function randomLogWorld(
  name: string,
  world: World,
  heard: (result: WorldResult) => void = () => {},
): RandomWorld {
  return {
    name,
    async run(seed, options) {
      const result = await tryWorld({ ...world, ...options, seed });
      if (result.history) heard(result as WorldResult);
      return result;
    },
    explain: (seed) => explain({ ...world, seed }),
  };
}

/** A world that breaks has failed too. */
async function tryWorld(options: WorldOptions): Promise<Verdict & { readonly history?: WorldResult['history'] }> {
  try {
    return await runWorld(options);
  } catch (error) {
    return { steps: 0, complaints: [error instanceof Error ? (error.stack ?? error.message) : String(error)] };
  }
}

/** Shrinks a failing world, and returns it with its trace and the command that replays it. */
async function explain(failing: WorldOptions): Promise<readonly string[]> {
  const smallest = await shrink(failing);
  const trace: string[] = [];
  const options: RunOptions = { trace: (line) => trace.push(line) };
  const { complaints } = await tryWorld({ ...smallest, ...options });
  const telling = trace.filter((line) => !/ (read|get|query) .*: done$/.test(line));
  return [
    ...telling.slice(0, mostLines),
    ...complaints.slice(0, 5).map((complaint) => `  ${complaint}`),
    `replay: ${commandOf(smallest)}`,
  ];
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
  maintainers: 'maintainers',
  'inline-bytes': 'inlineBytes',
  sends: 'sends',
  'pause-ms': 'pauseMs',
  'spread-ms': 'spreadMs',
  'fault-rate': 'faultRate',
  'uploads-at-once': 'uploadsAtOnce',
  'hedge-rate': 'hedgeRate',
} as const satisfies Record<string, keyof typeof defaultWorld>;

function commandOf(world: WorldOptions): string {
  const flags = Object.entries(worldFlags).map(([flag, field]) => `--${flag} ${world[field]}`);
  const faults = world.faults && written(world.faults);
  return `npm run sim -- --seed ${world.seed} ${flags.join(' ')}${faults === undefined ? '' : ` --faults ${faults || "''"}`}`;
}

export const logSimulation: Simulation = {
  script: 'sim',
  description: 'Worlds of the log full of faults, judged by what clients saw. One seed is one history.',
  randomWorlds: Object.entries(logWorlds).map(([name, world]) => randomLogWorld(name, world)),
  smallWorlds: smallLogWorlds,
};
