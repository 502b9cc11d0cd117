// The record of a proof in progress has a line of JSON for each finished job, after a first line with the commit. The
// result is a table in the form that docs/GUARANTEES.md quotes.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { added, casesOf, emptyTally, type Tally } from '../core/tally.ts';
import type { Job } from './jobs.ts';

export const recordFile = 'prove.jsonl';
export const resultFile = 'prove-result.md';

export type Done = {
  readonly job: string;
  readonly world: string;
  readonly seconds: number;
  readonly tally: Tally;
};

export type Record = { readonly commit: string; readonly done: readonly Done[] };

/** Throws when there is a record that is not to be resumed, or that is of another commit. */
export function openRecord(commit: string, isResumed: boolean): Record {
  if (!existsSync(recordFile)) {
    writeFileSync(recordFile, `${JSON.stringify({ commit })}\n`);
    return { commit, done: [] };
  }
  if (!isResumed) throw new Error(`${recordFile} is there already: go on with --resume, or remove it`);
  const [first, ...lines] = readFileSync(recordFile, 'utf8').split('\n').filter(Boolean);
  const before = (JSON.parse(first!) as { commit: string }).commit;
  if (before !== commit) throw new Error(`${recordFile} is of commit ${before}, and this is ${commit}: remove it`);
  return { commit, done: lines.map((line) => JSON.parse(line) as Done) };
}

export function note(done: Done): Done {
  appendFileSync(recordFile, `${JSON.stringify(done)}\n`);
  return done;
}

/** One line for each world, with the sum of its jobs. */
export function resultOf({ commit, done }: Record, jobs: readonly Job[]): string {
  const worlds = [...new Set(jobs.map(({ world }) => world))];
  const rows = worlds.flatMap((world) => {
    const own = done.filter((each) => each.world === world);
    if (own.length === 0) return [];
    const tally = own.reduce((sum, each) => added(sum, each.tally), emptyTally(world));
    const left = jobs.filter((job) => job.world === world).length - own.length;
    return [rowOf(commit, tally, left)];
  });
  const failures = done.flatMap(({ tally }) => tally.failures);
  return [
    `# Proof of ${commit}`,
    '',
    `${done.length} of ${jobs.length} jobs are done: ${failures.length === 0 ? 'no anomaly' : `${failures.length} failures`}.`,
    '',
    '| world | version | cases | steps |',
    '|---|---|---|---|',
    ...rows,
    ...(failures.length > 0 ? ['', '## Failures', '', ...failures.map((failure) => `- ${failure}`)] : []),
    '',
  ].join('\n');
}

const rowOf = (commit: string, tally: Tally, left: number) =>
  `| ${tally.world}${left > 0 ? ` (${left} jobs left)` : ''} | ${commit} | ${casesOf(tally)} | ${stepsOf(tally)} |`;

function stepsOf({ steps }: Tally): string {
  if (steps === 0) return '';
  return steps < 10_000 ? `${steps}` : `${(steps / 1_000_000).toFixed(2)} million`;
}
