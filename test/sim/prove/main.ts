// This runs the whole sets of all simulations, as many at a time as there are cores: npm run prove -- --help
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { count } from '../core/flags.ts';
import type { Tally } from '../core/tally.ts';
import { allJobs, type Job } from './jobs.ts';
import { type Done, note, openRecord, recordFile, resultFile, resultOf } from './record.ts';

type Flags = {
  readonly resume: boolean;
  readonly minutes?: number;
  readonly only: readonly string[];
  readonly list: boolean;
};

const flags = new Command('npm run prove --')
  .description(
    `Every case of every world, which takes many hours. It notes in ${recordFile} what is done, and writes what it came to into ${resultFile}, in the folder it is called in.`,
  )
  .option('--resume', `go on from ${recordFile}`, false)
  .option('--minutes <n>', 'stop after so many; what is under way then is run again by --resume', count)
  .option('--only <text...>', 'only jobs with one of these in their names', [])
  .option('--list', 'print the names of the jobs, and run none', false)
  .parse()
  .opts<Flags>();

const root = path.resolve(import.meta.dirname, '../../..');
const scripts = {
  sim: 'log',
  'sim:groups': 'groups',
  'sim:offsets': 'offsets',
  'sim:push': 'push',
  'sim:transactions': 'transactions',
  real: 'real',
} as const;

function commitOf(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') ? ' with changes' : '');
  } catch {
    return 'no commit';
  }
}

type Outcome = { readonly tally: Tally } | { readonly broke: string } | 'stopped';

async function run(job: Job, stop: AbortSignal): Promise<Outcome> {
  const script = path.join(import.meta.dirname, '..', scripts[job.script], 'main.ts');
  // A real backend has processes of its own, which it must end itself.
  const signal = job.script === 'real' ? {} : { signal: stop };
  const child = spawn(process.execPath, [script, ...job.args, '--json'], { cwd: root, stdio: 'pipe', ...signal });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += chunk));
  child.stderr.on('data', (chunk) => (output.stderr += chunk));
  await new Promise<void>((resolve) => child.on('error', () => resolve()).on('close', () => resolve()));
  const tally = parsed(output.stdout);
  if (tally) return { tally };
  return stop.aborted ? 'stopped' : { broke: output.stderr.trim() };
}

/** Reads the last line. Traces of failures may stand before it. */
function parsed(stdout: string): Tally | undefined {
  const last = stdout.trim().split('\n').at(-1) ?? '';
  return last.startsWith('[{') ? (JSON.parse(last) as [Tally])[0] : undefined;
}

/** True when every job that was run came to a result without a failure. */
async function prove(jobs: readonly Job[]): Promise<boolean> {
  const record = openRecord(commitOf(), flags.resume);
  const done: Done[] = [...record.done];
  const left = jobs.filter(({ name }) => !done.some(({ job }) => job === name));
  const progress = progressOf(left.length);
  const stop = new AbortController();
  const timer = flags.minutes && setTimeout(() => stop.abort(), flags.minutes * 60_000);
  let broken = 0;
  const worker = async () => {
    for (let job = left.shift(); job && !stop.signal.aborted; job = left.shift()) {
      const begunMs = performance.now();
      const outcome = await run(job, stop.signal);
      if (outcome === 'stopped') return;
      const seconds = Math.round((performance.now() - begunMs) / 1000);
      if ('broke' in outcome) broken++;
      else done.push(note({ job: job.name, world: job.world, seconds, tally: outcome.tally }));
      progress(job.name, seconds, outcome);
      writeFileSync(resultFile, resultOf({ ...record, done }, allJobs()));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  clearTimeout(timer);
  const missing = jobs.filter(({ name }) => !done.some(({ job }) => job === name)).length;
  console.log(missing > 0 ? `${missing} jobs are left: go on with --resume` : `done: the result is in ${resultFile}`);
  return broken === 0 && done.every(({ tally }) => tally.failures.length === 0);
}

/** Reports each job that has ended, and how long the others will take. */
function progressOf(total: number) {
  const startedMs = performance.now();
  let ended = 0;
  return (name: string, seconds: number, outcome: Exclude<Outcome, 'stopped'>): void => {
    ended++;
    const minutes = Math.ceil((((performance.now() - startedMs) / ended) * (total - ended)) / 60_000);
    console.log(`${ended} of ${total}, about ${minutes} minutes left: ${name}: ${wordsFor(outcome)}, ${seconds} s`);
  };
}

function wordsFor(outcome: Exclude<Outcome, 'stopped'>): string {
  if ('broke' in outcome) return `BROKE: ${outcome.broke}`;
  const { failures } = outcome.tally;
  return failures.length === 0 ? 'no anomaly' : `${failures.length} FAILURES, the first: ${failures[0]}`;
}

try {
  const { only } = flags;
  const jobs = allJobs().filter(({ name }) => only.length === 0 || only.some((text) => name.includes(text)));
  if (jobs.length === 0) throw new Error(`--only: no job has ${only.join(', ')} in its name; --list prints them`);
  if (flags.list) for (const { name } of jobs) console.log(name);
  else if (!(await prove(jobs))) process.exitCode = 1;
} catch (error) {
  console.error(`prove: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
