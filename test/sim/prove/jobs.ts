// `npm run prove` runs these whole sets. They are cut into jobs of some minutes, so that a run can stop and continue.
import type { Simulation } from '../core/worlds.ts';
import { groupSimulation } from '../groups/simulation.ts';
import { logSimulation } from '../log/simulation.ts';
import { maintenanceWorlds } from '../log/small/worlds.ts';
import { offsetsSimulation } from '../offsets/simulation.ts';
import { pushSimulation } from '../push/simulation.ts';
import { transactionsSimulation } from '../transactions/simulation.ts';

export type Job = {
  /** The name for people, and for `--only`. */
  readonly name: string;
  /** The results of the jobs of one world are added up to one line. */
  readonly world: string;
  /** An npm script, and its arguments. */
  readonly script: Simulation['script'] | 'real';
  readonly args: readonly string[];
};

/** The number of seeds of each random world. */
const seedsOf: Readonly<Record<string, number>> = {
  'mixed clients': 10_000,
  maintenance: 2_000,
  'one trouble at a time': 300,
  faulty: 500,
  'wrong clocks': 500,
  'over days': 150,
};
const usualSeeds = 200;
const seedsAtOnce = 100;
/** The number of parts of each small world. */
const parts = 10;

/**
 * The pairs of faults: all of them for the log, for offsets and for transactions. The cases of groups take long, and the
 * worlds of maintenance have millions of pairs each, so each part of these runs this many.
 */
const pairsOf = {
  sim: 'all',
  'sim:groups': '200',
  'sim:offsets': 'all',
  'sim:push': '200',
  'sim:transactions': 'all',
} as const;
const pairsOfMaintenance = '2000';
const subjectOf = {
  sim: 'log',
  'sim:groups': 'groups',
  'sim:offsets': 'offsets',
  'sim:push': 'push',
  'sim:transactions': 'transactions',
} as const;
const realSeconds = 60;

/**
 * The first job of every world comes first, then the second of every world. So a run that is stopped early has covered
 * some of each.
 */
export function allJobs(): readonly Job[] {
  const byWorld = [
    ...(['embedded', 'aws'] as const).map((backend) => [realJob(backend)]),
    ...[logSimulation, groupSimulation, offsetsSimulation, transactionsSimulation, pushSimulation].flatMap(
      (simulation) => [...randomJobs(simulation), ...smallJobs(simulation)],
    ),
  ];
  const longest = Math.max(...byWorld.map((jobs) => jobs.length));
  return Array.from({ length: longest }, (_, turn) => byWorld.flatMap((jobs) => jobs[turn] ?? [])).flat();
}

function randomJobs({ script, randomWorlds }: Simulation): Job[][] {
  return randomWorlds.map(({ name }) => {
    const world = `${subjectOf[script]}, \`${name}\``;
    const seeds = seedsOf[name] ?? usualSeeds;
    return Array.from({ length: Math.ceil(seeds / seedsAtOnce) }, (_, i) => {
      const from = 1 + i * seedsAtOnce;
      const count = Math.min(seedsAtOnce, seeds + 1 - from);
      const args = ['--world', name, '--from', `${from}`, '--seeds', `${count}`];
      return { name: `${world}, seeds ${from} to ${from + count - 1}`, world, script, args };
    });
  });
}

function smallJobs({ script, smallWorlds }: Simulation): Job[][] {
  return smallWorlds.map((small) => {
    const { name } = small;
    const pairs = maintenanceWorlds.includes(small) ? pairsOfMaintenance : pairsOf[script];
    const world = `${subjectOf[script]}, exhaustive \`${name}\`, ${pairs === 'all' ? 'all' : 'some'} pairs`;
    return Array.from({ length: parts }, (_, i) => {
      const part = `${i + 1}/${parts}`;
      return {
        name: `${world}, part ${part}`,
        world,
        script,
        args: ['--small', name, '--pairs', pairs, '--part', part],
      };
    });
  });
}

const realJob = (backend: 'embedded' | 'aws'): Job => ({
  name: `real backend, ${backend}`,
  world: `real backend, ${backend}`,
  script: 'real',
  args: ['--backend', backend, '--seconds', `${realSeconds}`],
});
