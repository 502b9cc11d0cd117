// `rivulet topics delete-records` deletes the records below an offset per partition. It takes the file of
// kafka-delete-records.sh too.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DeletedTopicRecords, DeleteTopicRecords } from '../client/admin/delete-records.ts';
import { isClientError, type PartResult, type RivuletClientError } from '../client/client-error.ts';
import { connect } from './connect.ts';
import { reportFailure } from './failure.ts';
import { textOf } from './files.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { topicOf, topicOption } from './options.ts';
import { printTable } from './output.ts';

const help = `
Every record below the offset is deleted, for all readers, and cannot be brought back. -1 deletes all records that the
partition has now. An offset below the earliest one changes nothing. The command prints the earliest offset of each
partition. The topic's cleanup.policy must include delete.

Examples:
  rivulet topics delete-records orders --offsets 0:1000,1:-1
  rivulet topics delete-records --offset-json-file offsets.json

The file is that of kafka-delete-records.sh:
  {"partitions": [{"topic": "orders", "partition": 0, "offset": 1000}], "version": 1}`;

type PartitionOffset = DeleteTopicRecords['partitions'][number];
type Options = FormatFlags & { offsets?: readonly PartitionOffset[]; offsetJsonFile?: string };

export function addDeleteRecords(topics: Command): void {
  withFormats(topics.command('delete-records'))
    .description('delete the records below an offset per partition')
    .argument('[topic]')
    .addOption(topicOption())
    .option(
      '--offsets <partition:offset,...>',
      'the first offset to be kept of each partition; -1 keeps none',
      offsetList,
    )
    .addOption(
      new Option('--offset-json-file <path>', 'a JSON file with the topics, partitions and offsets').conflicts(
        'offsets',
      ),
    )
    .addHelpText('after', help)
    .action(deleteRecords);
}

/** Parses `0:1000,1:-1`. */
function offsetList(text: string, before: readonly PartitionOffset[] = []): readonly PartitionOffset[] {
  const added = text.split(',').map((part) => {
    const [, partition, offset] = /^(\d{1,4}):(-1|\d{1,16})$/.exec(part.trim()) ?? [];
    if (partition === undefined || !Number.isSafeInteger(Number(offset)))
      throw new InvalidArgumentError(
        `It must be partition:offset, like 0:1000,1:-1, with partitions from 0 to 9999 and offsets from -1 to ${Number.MAX_SAFE_INTEGER}; got ${JSON.stringify(part)}.`,
      );
    return { partition: Number(partition), offset: Number(offset) };
  });
  const all = [...before, ...added];
  const twice = all.find(({ partition }, at) => all.findIndex((one) => one.partition === partition) < at);
  if (twice)
    throw new InvalidArgumentError(`Each partition may be named once; got partition ${twice.partition} twice.`);
  return all;
}

async function deleteRecords(positional: string | undefined, options: Options, command: Command): Promise<void> {
  const wanted = await wantedOf(positional, options, command);
  const admin = (await connect(command)).admin();
  const done: DeletedTopicRecords[] = [];
  try {
    for (const each of wanted) done.push(...(await admin.deleteTopicRecords(each)));
  } catch (error) {
    const results = isClientError(error) ? (error.results ?? []) : [];
    done.push(...results.filter(isDone));
    const others = results.filter(isClientError).slice(1);
    for (const other of others) reportFailure(other);
    throw error;
  } finally {
    await printFormatted(options, done, () => printEarliest(done));
  }
}

/** One partition may be refused while others are done. */
const isDone = (result: PartResult | RivuletClientError): result is DeletedTopicRecords => 'logStartOffset' in result;

async function wantedOf(
  positional: string | undefined,
  { offsets, offsetJsonFile }: Options,
  command: Command,
): Promise<DeleteTopicRecords[]> {
  if (offsetJsonFile === undefined) {
    const topic = topicOf(command, positional);
    if (offsets) return [{ topic, partitions: offsets }];
    return command.error('rivulet: the offsets are missing: give --offsets, or --offset-json-file');
  }
  const named = positional ?? command.opts<{ topic?: string }>().topic;
  if (named !== undefined) command.error(`rivulet: --offset-json-file names the topics: leave out '${named}'`);
  return fileOffsets(offsetJsonFile, await textOf('--offset-json-file', offsetJsonFile));
}

/** Reads the file of kafka-delete-records.sh. An error names the member that is wrong. */
export function fileOffsets(path: string, text: string): DeleteTopicRecords[] {
  const refuse = (field: string, expected: string, got: unknown) =>
    new Error(`--offset-json-file ${JSON.stringify(path)}: ${field}: expected ${expected}, got ${JSON.stringify(got)}`);
  const { partitions, version = 1 } = membersOf(text, refuse);
  if (version !== 1) throw refuse('version', '1', version);
  if (!Array.isArray(partitions) || partitions.length === 0)
    throw refuse('partitions', 'a list of partitions', partitions);
  const seen = new Set<string>();
  const rows = partitions.map((row: unknown, at) => {
    const { topic, partition, offset } = Object(row) as Record<string, unknown>;
    const field = `partitions[${at}]`;
    if (typeof topic !== 'string') throw refuse(`${field}.topic`, 'the name of a topic', topic);
    if (!isWhole(partition, 0, 9_999)) throw refuse(`${field}.partition`, 'a whole number from 0 to 9999', partition);
    if (!isWhole(offset, -1, Number.MAX_SAFE_INTEGER))
      throw refuse(`${field}.offset`, `a whole number from -1 to ${Number.MAX_SAFE_INTEGER}`, offset);
    const name = `${topic}-${partition}`;
    if (seen.size === seen.add(name).size) throw refuse(field, 'each partition once', name);
    return { topic, partition, offset };
  });
  const byTopic = Map.groupBy(rows, ({ topic }) => topic);
  return [...byTopic].map(([topic, of]) => ({
    topic,
    partitions: of.map(({ partition, offset }) => ({ partition, offset })),
  }));
}

type Refuse = (field: string, expected: string, got: unknown) => Error;

function membersOf(text: string, refuse: Refuse): Record<string, unknown> {
  try {
    const members: unknown = JSON.parse(text);
    if (typeof members === 'object' && members !== null) return members as Record<string, unknown>;
  } catch {
    // The error below says what was expected.
  }
  throw refuse('the file', 'a JSON object', text.slice(0, 80));
}

const isWhole = (value: unknown, min: number, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;

function printEarliest(done: readonly DeletedTopicRecords[]): void {
  if (done.length === 0) return;
  printTable(
    ['TOPIC', 'PARTITION', 'EARLIEST'],
    done.map(({ topic, partition, logStartOffset }) => [topic, partition, logStartOffset]),
  );
}
