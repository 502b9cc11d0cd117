// `rivulet groups reset-offsets` and `delete-offsets` take the flags of kafka-consumer-groups.sh. reset-offsets changes
// nothing without --execute.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import type { OffsetReset, ResetOffsets, ResetTarget, TopicSelection } from '../client/admin/group-admin.ts';
import { connect } from './connect.ts';
import { hasErrorCode } from './failure.ts';
import { textOf } from './files.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { fileTargets, topicSelection } from './group-targets.ts';
import { groupOf, groupOption, wholeNumber } from './options.ts';
import { printLine, printTable } from './output.ts';
import { isoDuration, isoTime } from './times.ts';

const resetHelp = `
Choose the partitions with --topic orders, --topic orders:0,2-3 (repeatable), or --all-topics, which takes every partition
that the group has an offset of. Choose the target with exactly one of the --to options, --by-duration, --shift-by or
--from-file. A target outside the log is moved to its start or end.

Nothing can be reset while the group has members: stop them first. A member that was killed, and a static member that is
away, counts until its session is over (session.timeout.ms, 45 s).

Examples:
  rivulet groups reset-offsets billing --topic orders --to-earliest
  rivulet groups reset-offsets billing --topic orders:0,1 --to-datetime 2026-11-22T09:00:00Z --execute
  rivulet groups reset-offsets billing --all-topics --by-duration PT1H30M --execute
  rivulet groups reset-offsets billing --all-topics --to-current --export > offsets.csv
  rivulet groups reset-offsets billing --from-file offsets.csv --execute`;

type ResetOptions = FormatFlags & {
  topic?: readonly TopicSelection[];
  allTopics?: boolean;
  toEarliest?: boolean;
  toLatest?: boolean;
  toCurrent?: boolean;
  toOffset?: number;
  toDatetime?: number;
  byDuration?: number;
  shiftBy?: number;
  fromFile?: string;
  execute?: boolean;
  export?: boolean;
};

/** The options that name a target, by the names that commander gives their values. */
const targets = [
  ...(['toEarliest', 'toLatest', 'toCurrent', 'toOffset', 'toDatetime'] as const),
  ...(['byDuration', 'shiftBy', 'fromFile'] as const),
];

export function addResetOffsets(groups: Command): void {
  withFormats(groups.command('reset-offsets'))
    .description('set the offsets of a group that has no members; without --execute, only show what would be set')
    .argument('[group]')
    .addOption(groupOption())
    .option('--topic <topic[:partitions]>', 'a topic, or some of its partitions; repeatable', topicSelection)
    .option('--all-topics', 'all topics that the group has offsets of')
    .option('--to-earliest', 'to the start of the log')
    .option('--to-latest', 'to the end of the log')
    .option('--to-current', 'to the committed offset, if the log still holds it')
    .option('--to-offset <offset>', 'to this offset', wholeNumber(0))
    .option(
      '--to-datetime <time>',
      'to the first record at or after this time: ISO 8601 (UTC if it names no zone), or epoch milliseconds',
      isoTime,
    )
    .option(
      '--by-duration <duration>',
      'to the first record that is at most this old: ISO 8601, like PT1H or P2D',
      isoDuration,
    )
    .option('--shift-by <records>', 'forward by this many records, or back with a minus', wholeShift)
    .option('--from-file <path>', 'to the offsets in a file of lines topic,partition,offset')
    .addOption(new Option('--dry-run', 'only show what would be set; the default').conflicts('execute'))
    .option('--execute', 'set the offsets')
    .addOption(
      new Option('--export', 'print lines of topic,partition,offset, for --from-file').conflicts(['json', 'output']),
    )
    .addHelpText('after', resetHelp)
    .action(reset);
}

function wholeShift(text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of at most 15 digits, like 10 or -10.');
}

async function reset(positional: string | undefined, options: ResetOptions, command: Command): Promise<void> {
  const groupId = groupOf(command, positional);
  checkTarget(command, options);
  const dryRun = options.execute !== true;
  const admin = (await connect(command)).admin();
  const topics = await selected(admin, groupId, options);
  const isNew = !(await exists(admin, groupId));
  const done = await admin.resetOffsets({ groupId, topics, dryRun });
  const rows = done.map((one) => ({ groupId, ...one }));
  await printFormatted(options, rows, () => printPlan(groupId, done, options));
  for (const note of notesOn(done, options, isNew && groupId)) console.error(`rivulet: note: ${note}`);
}

/** As in Kafka, a mistyped name creates a group. The command prints a note when it does. */
async function exists(admin: Admin, groupId: string): Promise<boolean> {
  try {
    await admin.describeGroups([groupId]);
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'GROUP_ID_NOT_FOUND')) return false;
    throw error;
  }
}

function notesOn(done: readonly OffsetReset[], options: ResetOptions, newGroup: string | false): string[] {
  const { execute, toOffset } = options;
  const notes: string[] = [];
  for (const { topic, partition, offset } of done)
    if (toOffset !== undefined && offset !== toOffset)
      notes.push(`${topic} partition ${partition} has no offset ${toOffset}; ${offset} is the nearest`);
  if (newGroup !== false)
    notes.push(
      execute
        ? `group ${newGroup} did not exist and is now created`
        : `there is no group ${newGroup}: --execute creates it`,
    );
  if (!execute && !options.export) notes.push('nothing was changed: add --execute to set the offsets');
  return notes;
}

/** Requires exactly one option for the target, and exactly one for the topics. */
function checkTarget(command: Command, options: ResetOptions): void {
  const given = targets.filter((name) => options[name] !== undefined);
  const flags = given.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  if (flags.length === 0)
    command.error(
      'rivulet: the target is missing: give one of the --to options, --by-duration, --shift-by, --from-file',
    );
  if (flags.length > 1) command.error(`rivulet: ${flags.join(' and ')} exclude each other`);
  const ways = [options.topic, options.allTopics, options.fromFile].filter((way) => way !== undefined);
  if (ways.length === 0)
    command.error('rivulet: the topics are missing: give --topic once for each topic, or --all-topics');
  if (ways.length > 1) command.error('rivulet: --topic, --all-topics and --from-file exclude each other');
}

async function selected(admin: Admin, groupId: string, options: ResetOptions): Promise<ResetOffsets['topics']> {
  if (options.fromFile !== undefined)
    return fileTargets(options.fromFile, await textOf('--from-file', options.fromFile));
  const topics = options.topic ?? (await committedTopics(admin, groupId));
  if (topics.length === 0) throw new Error(`group ${groupId} has no offsets: name its topics with --topic`);
  const target = targetOf(options);
  return topics.map((topic) => ({ ...topic, target }));
}

async function committedTopics(admin: Admin, groupId: string): Promise<TopicSelection[]> {
  const offsets = await admin.fetchOffsets({ groupId });
  return offsets.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(({ partition }) => partition) }));
}

function targetOf({ toEarliest, toLatest, toOffset, toDatetime, byDuration, shiftBy }: ResetOptions): ResetTarget {
  if (toEarliest) return { to: 'earliest' };
  if (toLatest) return { to: 'latest' };
  if (toOffset !== undefined) return { to: 'offset', offset: toOffset };
  if (toDatetime !== undefined) return { to: 'datetime', timestamp: toDatetime };
  if (byDuration !== undefined) return { to: 'datetime', timestamp: Math.max(0, Date.now() - byDuration) };
  if (shiftBy !== undefined) return { to: 'shift', by: shiftBy };
  return { to: 'current' };
}

function printPlan(groupId: string, done: readonly OffsetReset[], options: ResetOptions): void {
  if (options.export) for (const { topic, partition, offset } of done) printLine(`${topic},${partition},${offset}`);
  else
    printTable(
      ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'NEW-OFFSET'],
      done.map(({ topic, partition, previousOffset, offset }) => [
        ...[groupId, topic, partition, previousOffset < 0 ? '-' : previousOffset, offset],
      ]),
    );
}

// --- delete-offsets

const deleteHelp = `
The command is refused while a member subscribes to the topic.

Examples:
  rivulet groups delete-offsets billing --topic orders
  rivulet groups delete-offsets billing --topic orders:0,2-3 --topic returns`;

export function addDeleteOffsets(groups: Command): void {
  groups
    .command('delete-offsets')
    .description('delete the offsets of topics that no member subscribes to')
    .argument('[group]')
    .addOption(groupOption())
    .option('--topic <topic[:partitions]>', 'a topic, or some of its partitions; repeatable', topicSelection)
    .addHelpText('after', deleteHelp)
    .action(deleteOffsets);
}

async function deleteOffsets(
  positional: string | undefined,
  { topic: topics }: { topic?: readonly TopicSelection[] },
  command: Command,
): Promise<void> {
  const groupId = groupOf(command, positional);
  if (topics === undefined) return command.error('rivulet: the topics are missing: give --topic once for each topic');
  const deleted = await (await connect(command)).admin().deleteGroupOffsets({ groupId, topics });
  if (deleted.length === 0) console.error(`rivulet: note: group ${groupId} has no offsets of these topics`);
  printTable(
    ['TOPIC', 'PARTITION', 'STATUS'],
    deleted.map(({ topic, partition }) => [topic, partition, 'deleted']),
  );
}
