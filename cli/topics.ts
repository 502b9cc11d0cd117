// `rivulet topics ...` takes the flags of kafka-topics.sh and kafka-configs.sh.
import type { Command } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import type { PartitionDetails, TopicDescription } from '../client/admin/topics.ts';
import { connect } from './connect.ts';
import { addDeleteRecords } from './delete-records.ts';
import { hasErrorCode } from './failure.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { keyValue, nameList, type Properties, topicOf, topicOption, wholeNumber } from './options.ts';
import { plural, printLine, printTable } from './output.ts';
import { addSegments } from './segments.ts';

const examples = `
Examples:
  rivulet topics create orders --partitions 6 --config retention.ms=86400000
  rivulet topics list --json
  rivulet topics describe orders
  rivulet topics alter orders --partitions 12 --delete-config retention.ms
  rivulet topics delete-records orders --offsets 0:1000,1:-1
  rivulet topics segments orders --partition 2
  rivulet topics delete orders --if-exists`;

export function addTopics(rivulet: Command): void {
  const topics = rivulet
    .command('topics')
    .description(
      'create, list, describe, alter and delete topics, delete their records, and show where they are stored',
    );
  addCreate(topics);
  addList(topics);
  addDescribe(topics);
  addAlter(topics);
  addDelete(topics);
  addDeleteRecords(topics);
  addSegments(topics);
  topics.addHelpText('after', examples);
}

const partitions = wholeNumber(1, 10_000);

function addCreate(topics: Command): void {
  topics
    .command('create')
    .description('create a topic')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--partitions <count>', 'the number of partitions; default 1', partitions)
    .option('--config <name=value>', 'set a configuration; repeatable', keyValue)
    .option('--if-not-exists', 'succeed also if the topic exists already')
    .addHelpText(
      'after',
      '\nExamples:\n  rivulet topics create orders --partitions 6 --config retention.ms=86400000\n  rivulet topics create clicks --config rivulet.inline.max.bytes=4096   (appends of up to 4 KiB go into the table: quicker, no S3 PUT)',
    )
    .action(create);
}

type CreateOptions = { partitions?: number; config?: Properties; ifNotExists?: boolean };

async function create(
  positional: string | undefined,
  { partitions, config, ifNotExists = false }: CreateOptions,
  command: Command,
): Promise<void> {
  const topic = topicOf(command, positional);
  const admin = await adminOf(command);
  const wanted = { topic, ...(partitions !== undefined && { partitions }), ...(config && { config }) };
  const [made] = await admin.createTopics({ topics: [wanted], ifNotExists });
  printLine(`Topic ${topic}: ${plural(made!.partitions, 'partition')}, id ${made!.topicId}`);
  warn(made!.warnings);
}

function addList(topics: Command): void {
  withFormats(topics.command('list').description('print the names of all topics'))
    .addHelpText('after', '\nExample:\n  rivulet topics list -o table')
    .action(async (flags: FormatFlags, command: Command) => {
      const found = await (await adminOf(command)).listTopics();
      const printNames = (): void => {
        for (const { topic } of found) printLine(topic);
      };
      await printFormatted(flags, found, printNames, () => ({
        headings: ['TOPIC', 'PARTITIONS', 'CREATED', 'TOPIC-ID'],
        rows: found.map((one) => [one.topic, one.partitions, timeOf(one), one.topicId]),
      }));
    });
}

function addDescribe(topics: Command): void {
  withFormats(topics.command('describe'))
    .description('print a topic: its configuration, and the offsets and bytes of each partition')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--storage', 'also print what maintenance has made of each partition; it reads more, the larger the log is')
    .option('--if-exists', 'succeed also if the topic does not exist')
    .addHelpText('after', '\nExamples:\n  rivulet topics describe orders\n  rivulet topics describe orders --storage')
    .action(describe);
}

async function describe(
  positional: string | undefined,
  { ifExists = false, storage = false, ...flags }: FormatFlags & { ifExists?: boolean; storage?: boolean },
  command: Command,
): Promise<void> {
  const topic = topicOf(command, positional);
  const admin = await adminOf(command);
  await toleratingMissing(ifExists, async () => {
    const description = await admin.describeTopic(topic, { storage });
    await printFormatted(flags, description, () => printDescription(description));
  });
}

function printDescription(of: TopicDescription & { partitionDetails: readonly PartitionDetails[] }): void {
  printLine(`Topic:       ${of.topic}`);
  printLine(`Topic id:    ${of.topicId}`);
  printLine(`Created:     ${timeOf(of)}`);
  printLine(`Partitions:  ${of.partitions}`);
  printLine(`Config:      ${ownConfig(of) || '(defaults; all with --json)'}`);
  printLine('');
  printTable(
    ['PARTITION', 'EARLIEST', 'LATEST', 'BYTES'],
    of.partitionDetails.map(({ partition, earliest, latest, bytes }) => [partition, earliest, latest, bytes]),
  );
  printStorage(of.partitionDetails);
  warn(of.warnings);
}

const timeOf = ({ createdAt }: { readonly createdAt: number }): string => new Date(createdAt).toISOString();

const ownConfig = ({ config }: TopicDescription): string =>
  config.flatMap(({ name, value, isDefault }) => (isDefault ? [] : [`${name}=${value}`])).join(' ');

/** `-` stands where there is nothing to tell: the topic is not compacted, or maintenance never ran, or there is no damage. */
function printStorage(partitions: readonly PartitionDetails[]): void {
  const rows = partitions.flatMap(({ partition, storage }) => (storage ? [{ partition, ...storage }] : []));
  if (rows.length === 0) return;
  printLine('');
  printTable(
    [
      ...['PARTITION', 'LOG-SEGMENTS', 'LOG-SEGMENT-BYTES', 'INLINE-ITEMS', 'INLINE-BYTES'],
      ...['DIRTY-RATIO', 'MAINTAINED', 'DAMAGED-AT'],
    ],
    rows.map(({ maintainedAt, ...of }) => [
      ...[of.partition, of.logSegments, of.logSegmentBytes, of.inlineItems ?? '-', of.inlineBytes ?? '-'],
      ...[of.dirtyRatio?.toFixed(2) ?? '-', maintainedAt === undefined ? '-' : new Date(maintainedAt).toISOString()],
      of.damagedOffset ?? '-',
    ]),
  );
}

function addAlter(topics: Command): void {
  topics
    .command('alter')
    .description('add partitions, or change configurations')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--partitions <count>', 'the new number of partitions; it can only grow', partitions)
    .option('--config <name=value>', 'set a configuration; repeatable', keyValue)
    .option('--delete-config <name>', 'restore the default of a configuration; repeatable', nameList)
    .option('--if-exists', 'succeed also if the topic does not exist')
    .addHelpText('after', '\nExample:\n  rivulet topics alter orders --partitions 12 --config retention.ms=3600000')
    .action(alter);
}

type AlterOptions = { partitions?: number; config?: Properties; deleteConfig?: readonly string[]; ifExists?: boolean };

async function alter(
  positional: string | undefined,
  { partitions, config, deleteConfig = [], ifExists = false }: AlterOptions,
  command: Command,
): Promise<void> {
  const topic = topicOf(command, positional);
  const changes = { ...config, ...Object.fromEntries(deleteConfig.map((name) => [name, null])) };
  const isConfigured = Object.keys(changes).length > 0;
  if (partitions === undefined && !isConfigured)
    command.error('rivulet: there is nothing to alter: give --partitions, --config or --delete-config');
  const admin = await adminOf(command);
  await toleratingMissing(ifExists, async () => {
    const change = { topic, ...(partitions !== undefined && { partitions }), ...(isConfigured && { config: changes }) };
    const altered = await admin.alterTopic(change);
    printLine(
      `Topic ${topic}: ${plural(altered.partitions, 'partition')}; ${ownConfig(altered) || 'default configurations'}`,
    );
    warn(altered.warnings);
  });
}

function addDelete(topics: Command): void {
  topics
    .command('delete')
    .description('delete a topic and its records')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--if-exists', 'succeed also if the topic does not exist')
    .addHelpText('after', '\nExample:\n  rivulet topics delete orders --if-exists')
    .action(async (positional: string | undefined, { ifExists = false }: { ifExists?: boolean }, command: Command) => {
      const topic = topicOf(command, positional);
      const admin = await adminOf(command);
      await toleratingMissing(ifExists, async () => {
        await admin.deleteTopics({ topics: [topic] });
        printLine(`Topic ${topic}: deleted`);
      });
    });
}

const adminOf = async (command: Command): Promise<Admin> => (await connect(command)).admin();

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) console.error(`rivulet: note: ${warning}`);
}

async function toleratingMissing(tolerate: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!tolerate || !hasErrorCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error;
  }
}
