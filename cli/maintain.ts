// `rivulet maintain` starts a pass of maintenance, waits for it, and prints what it did. A pass goes on when the command
// is stopped.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { MaintenanceOptions, MaintenancePass, MaintenanceReport } from '../lib/api/maintenance.ts';
import { checkTopicName } from '../lib/topic/name.ts';
import { connect } from './connect.ts';
import { notEmpty } from './options.ts';
import { plural, printJson, printTable } from './output.ts';
import { printNote, startProgress } from './progress.ts';

const examples = `
Maintenance merges small segments into large ones, removes records that are older than the topic's retention, and compacts
topics whose cleanup.policy has "compact". A pass over all topics then deletes the objects that nothing names. All this also
runs by itself. The exit code is 1 when the pass found damage or failed.

A topic that was created before the first version with retention keeps all its records for a while. --dry-run prints what
retention would remove, and --confirm-retention lets it. Of compaction, --dry-run counts only what is merged already.

"joined" counts small log segments that were put together with their neighbours. "written" and "swept" count the objects that
were made and deleted. The newest few dozen appends of a partition stay as they were written, also with --full: a partition
that has no more has nothing to merge, and nothing to compact.

Examples:
  rivulet maintain --dry-run
  rivulet maintain --topic orders --full
  rivulet maintain --data /var/lib/rivulet`;

export function addMaintain(rivulet: Command): void {
  rivulet
    .command('maintain')
    .description('merge segments, remove expired records, compact, and delete what nothing names')
    .option('--topic <topic>', 'only this topic, and without deleting objects')
    .option('--full', 'also merge ranges that size and age would leave for later')
    .option('--dry-run', 'change nothing in the log, and print what would be changed')
    .option('--confirm-retention', 'let retention also remove records of topics from before it existed')
    .addOption(new Option('--data <directory>', 'a data directory that no service has open').argParser(notEmpty))
    .option('--json', 'print the report as JSON')
    .addHelpText('after', examples)
    .action(maintain);
}

type Flags = { topic?: string; full?: true; dryRun?: true; confirmRetention?: true; data?: string; json?: true };
type Pass = Pick<
  MaintenancePass,
  'state' | 'donePartitions' | 'partitions' | 'reason' | 'report' | keyof MaintenanceOptions
>;
type Passes = {
  start(request: MaintenanceOptions & { topic?: string }): Promise<Pass>;
  last(request: { topic?: string }): Promise<Pass>;
  close(): void;
};

async function maintain({ data, json, ...request }: Flags, command: Command): Promise<void> {
  if (request.topic !== undefined) checkTopicName(request.topic);
  const passes = data === undefined ? await remote(command) : await local(data);
  try {
    const pass = await finished(passes, request);
    const { report, state, reason } = pass;
    if (report && json) printJson(report);
    else if (report) print(report, pass.dryRun);
    if (!isAsWanted(pass, request)) throw new Error(otherPass(pass));
    if (state === 'failed') throw new Error(`the pass has failed: ${reason ?? 'no reason is known'}`);
    if (report) failOnDamage(report);
  } finally {
    passes.close();
  }
}

async function remote(command: Command): Promise<Passes> {
  const admin = (await connect(command)).admin();
  return {
    start: (request) => admin.maintain(request),
    last: (request) => admin.maintenance(request),
    close: () => undefined,
  };
}

async function local(directory: string): Promise<Passes> {
  if (!existsSync(directory)) throw new Error(`there is no directory ${directory}`);
  const { openBackend } = await import('../local/backend.ts');
  const { maintenance, close } = openBackend({ directory });
  return { ...maintenance, close };
}

/** A request while a pass is at work gets that pass, whatever it asked for. */
const isAsWanted = (pass: Pass, { full, dryRun, confirmRetention }: Flags): boolean =>
  pass.full === (full ?? false) &&
  pass.dryRun === (dryRun ?? false) &&
  pass.confirmRetention === (confirmRetention ?? false);

const otherPass = ({ full, dryRun, confirmRetention }: Pass): string =>
  `this was a pass that somebody else had started, with full ${full}, dry-run ${dryRun} and confirm-retention ${confirmRetention}: run the command again for a pass of your own`;

const firstPollMs = 50;
const lastPollMs = 2_000;

async function finished(passes: Passes, request: Omit<Flags, 'data' | 'json'>): Promise<Pass> {
  const { topic } = request;
  let pass = await passes.start(request);
  const stop = startProgress(() => bar(pass));
  try {
    for (let pauseMs = firstPollMs; pass.state === 'requested' || pass.state === 'running'; pauseMs *= 1.5) {
      await sleep(Math.min(pauseMs, lastPollMs));
      pass = await passes.last(topic === undefined ? {} : { topic });
    }
    return pass;
  } finally {
    stop();
  }
}

const barWidth = 30;

function bar({ state, donePartitions, partitions, report }: Pass): string {
  if (state === 'requested' || partitions === 0) return 'waiting for a process ...';
  const done = Math.round((barWidth * donePartitions) / partitions);
  const bytes = report ? `, ${size(report.counts.mergedBytes)} merged` : '';
  return `[${'#'.repeat(done)}${'.'.repeat(barWidth - done)}] ${donePartitions} of ${plural(partitions, 'partition')}${bytes}`;
}

function print(report: MaintenanceReport, isDryRun: boolean): void {
  const { counts, requests, usd, durationMs, partitions, notes, damage } = report;
  const would = isDryRun ? 'would be ' : '';
  printTable(
    ['', 'RECORDS', 'BYTES', 'OBJECTS'],
    [
      [`${would}merged`, counts.mergedRecords, size(counts.mergedBytes), ''],
      [`${would}joined`, '', size(counts.joinedBytes), ''],
      [`${would}expired`, counts.expiredRecords, size(counts.expiredBytes), ''],
      [`${would}compacted away`, counts.compactedRecords, size(counts.compactedBytes), ''],
      [`${would}written`, '', '', counts.writtenObjects],
      [`${would}swept`, '', size(counts.sweptBytes), counts.sweptObjects],
    ],
  );
  const calls = Object.entries(requests).map(([name, count]) => `${name} ${count}`);
  printNote(`${plural(partitions, 'partition')} in ${(durationMs / 1000).toFixed(1)} s: ${calls.join(', ')}, $${usd}`);
  for (const note of notes) printNote(`note: ${note}`);
  for (const { topic, partition, offset, reason } of damage)
    printNote(`damage: ${topic}/${partition} at offset ${offset}: ${reason}`);
}

function failOnDamage({ damaged, missingObjects }: MaintenanceReport): void {
  const found = [
    ...(damaged > 0 ? [`damage stops the merge at ${plural(damaged, 'place')}`] : []),
    ...(missingObjects > 0 ? [`${plural(missingObjects, 'object')} that the index names are missing`] : []),
  ];
  if (found.length > 0) throw new Error(`${found.join(', and ')}: see "Alarm: MergeStopped" in docs/RUNBOOK.md`);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function size(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
