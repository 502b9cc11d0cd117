// What `npm run prove` runs: the whole sets, cut into jobs of some minutes, so that a run can stop and go on.
import type { Simulation } from '../core/worlds.ts';
import { groupSimulation } from '../groups/simulation.ts';
import { logSimulation } from '../log/simulation.ts';
import { offsetsSimulation } from '../offsets/simulation.ts';

export type Job = {
  /** For people, and `--only`. */
  readonly name: string;
  /** Jobs of one world are added up to one line of the result. */
  readonly world: string;
  /** An npm script, and what it is called with. */
  readonly script: Simulation['script'] | 'real';
  readonly args: readonly string[];
};

/** Seeds of each random world. */
const seedsOf: Readonly<Record<string, number>> = {
  'mixed clients': 10_000,
  'one trouble at a time': 300,
  faulty: 500,
  'wrong clocks': 500,
  'over days': 150,
};
const usualSeeds = 200;
const seedsAtOnce = 100;
/** Of each small world. */
const parts = 10;

/** All pairs of faults of the log and of offsets; of groups, whose cases take long, so many of each part. */
const pairsOf = { sim: 'all', 'sim:groups': '200', 'sim:offsets': 'all' } as const;
const subjectOf = { sim: 'log', 'sim:groups': 'groups', 'sim:offsets': 'offsets' } as const;
const realSeconds = 60;

/** The first of every world, then the second of every world: so a run that is stopped early has seen a little of all. */
export function allJobs(): readonly Job[] {
  const byWorld = [
    ...(['embedded', 'aws'] as const).map((backend) => [realJob(backend)]),
    ...[logSimulation, groupSimulation, offsetsSimulation].flatMap((simulation) => [
      ...randomJobs(simulation),
      ...smallJobs(simulation),
    ]),
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
  const pairs = pairsOf[script];
  return smallWorlds.map(({ name }) => {
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
