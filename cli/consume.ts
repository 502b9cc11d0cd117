// `rivulet consume` prints a topic's records on standard output: all of them, or the share of a group's member. It takes the
// flags of kafka-console-consumer.sh, and its last line is the same: how many messages were processed.
import { type Command, CommanderError, Option } from 'commander';
import { type Condition, filterOf } from '../client/conditions.ts';
import type { Consumer } from '../client/consumer/consumer.ts';
import type { ConsumedMessage } from '../client/message.ts';
import { consumerPropertyNames } from '../client/properties.ts';
import { connect } from './connect.ts';
import { groupConsumer } from './consume-group.ts';
import { addBound, type Bounds, type PartitionRange, rangesOf } from './consume-range.ts';
import { consumerSettings } from './kafka-properties.ts';
import { formatPrinter, formatStringProperties } from './line-format.ts';
import { addCondition } from './message-filter.ts';
import {
  flag,
  keyValue,
  type Properties,
  partitionList,
  refuseUnknown,
  topicOf,
  topicOption,
  wholeNumber,
} from './options.ts';
import { reportOutages } from './outage.ts';
import { wrapped } from './output.ts';
import { printMessages, type RangeEnds } from './print-messages.ts';
import { formatterProperties, textFormatter } from './text-lines.ts';

const examples = `
By default the command reads the records that arrive from now on, of all partitions, until Ctrl-C.

--offset says where each partition begins: earliest, latest, -N (the last N records), s@TIME (the first record at or after
the time), or, with --partition, an offset. With e@TIME, reading ends before that time, or at the end of the log as it is now.
A TIME is ISO 8601 or epoch milliseconds. --until latest ends reading at the end of the log as it is now.

--filter takes FIELD OPERATOR TEXT, or a FIELD that must be there. The fields are key, value, headers.NAME, and paths in a
JSON value like $.user.tags[0]. The operators are = and != (equal), ~ (contains), and <, <=, > and >= (numbers). All
conditions must hold.

-f prints by a format: %t topic, %p partition, %o offset, %T timestamp, %k key, %s value, %K and %S their bytes (-1 for
null), %h headers as name=value, %% a percent sign, and \\n, \\r, \\t, \\\\ and \\xNN. It adds no newline by itself.

With --group, all consumers of the group share the partitions, in as many terminals as you like. Each continues from the
offset that the group has committed, and --from-beginning applies only where it has committed none. Ctrl-C commits and
leaves. Then the others take over with their next heartbeat request, within heartbeat.interval.ms (5 s). If a consumer is
killed, they take over after session.timeout.ms (45 s).

Both values of --isolation-level read the same, because no record of a transaction is in a topic before its commit: there is
nothing uncommitted to read, and no open transaction to wait for. The flag is there for scripts that pass it.

--consumer-property takes the properties of Kafka's consumer. docs/SDK.md has them, and says what each does:
${wrapped(consumerPropertyNames)}.

Properties of --format text: print.key, print.value, print.timestamp, print.partition, print.offset, print.headers,
key.separator, headers.separator, line.separator, null.literal, and key.deserializer, value.deserializer,
headers.deserializer for Kafka's numbers (LongDeserializer). They work as in kafka-console-consumer.sh. Without a
deserializer, bytes are printed unchanged.

Examples:
  rivulet consume orders --from-beginning
  rivulet consume orders --from-beginning --property print.key=true --property key.separator=:
  rivulet consume orders --group billing --from-beginning
  rivulet consume orders --partition 2 --offset 1500 --max-messages 10
  rivulet consume orders --offset -5 --until latest
  rivulet consume orders --offset s@2026-11-22T09:00:00Z --offset e@2026-11-22T10:00:00Z -f '%T,%k,%s\\n'
  rivulet consume orders --from-beginning --until latest --filter '$.status=failed' --filter headers.source
  rivulet consume orders --from-beginning --until latest --format ndjson > orders.ndjson`;

type ConsumeOptions = {
  group?: string;
  consumerProperty?: Properties;
  fromBeginning?: boolean;
  partition?: number;
  partitions?: readonly number[];
  offset?: Bounds;
  until?: 'latest';
  filter?: readonly Condition[];
  maxMessages?: number;
  timeoutMs?: number;
  property?: Properties;
  format: 'text' | 'ndjson' | 'envelope';
  formatString?: string;
  jsonEnvelope?: boolean;
};

export function addConsume(rivulet: Command): void {
  rivulet
    .command('consume')
    .description('print the records of a topic')
    .argument('[topic]')
    .addOption(topicOption())
    .addOption(new Option('--from-beginning', 'begin with the earliest record'))
    .addOption(
      new Option('--group <id>', 'share the partitions with the other members of this group').conflicts([
        ...['partition', 'partitions', 'offset', 'until'],
      ]),
    )
    .option('--consumer-property <name=value>', "set a property of Kafka's consumer; repeatable", keyValue)
    .addOption(
      new Option('--partition <number>', 'read only this partition')
        .argParser(wholeNumber(0, 9_999))
        .conflicts('partitions'),
    )
    .option('--partitions <list>', 'read only these partitions, like 0,2-3', partitionList)
    .option('--offset <where>', 'where to begin, and where to end: see below; repeatable', addBound)
    .addOption(new Option('--until <where>', 'stop at the end of the log as it is now').choices(['latest']))
    .option('--filter <condition>', 'print only records for which this holds: see below; repeatable', addCondition)
    .addOption(
      new Option('--isolation-level <level>', 'both read the same: see below').choices([
        'read_committed',
        'read_uncommitted',
      ]),
    )
    .option('--max-messages <count>', 'stop after this many messages', wholeNumber(1))
    .option('--timeout-ms <ms>', 'stop after this many milliseconds without a message', wholeNumber(1, 2_147_483_647))
    .option('--formatter-property, --property <name=value>', 'what to print; repeatable', keyValue)
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'ndjson', 'envelope']).default('text'))
    .addOption(
      new Option('-J, --json-envelope', "print kcat's JSON envelopes, as --format envelope").implies({
        format: 'envelope',
      }),
    )
    .addOption(
      new Option('-f, --format-string <format>', 'print by this format: see below').conflicts([
        'format',
        'jsonEnvelope',
      ]),
    )
    .addHelpText('after', examples)
    .action(consume);
}

async function consume(positional: string | undefined, options: ConsumeOptions, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  const begin = options.offset?.begin;
  if (typeof begin === 'object' && 'offset' in begin && options.partition === undefined)
    command.error('rivulet: --offset with a number needs --partition; -N, s@TIME and e@TIME hold for all partitions');
  if (begin !== undefined && options.fromBeginning)
    command.error('rivulet: --from-beginning and an --offset to begin with exclude each other');
  const { maxMessages = Number.POSITIVE_INFINITY, timeoutMs, filter = [], property = {} } = options;
  const format = await formatterOf(options, command);
  const printing = { format, filter: filterOf(filter, property), maxMessages, timeoutMs };
  const { consumer, ends } = await consumerOf(topic, options, command);
  await printMessages(consumer, { ...printing, ends });
}

type Reading = { readonly consumer: Consumer; readonly ends: RangeEnds };

async function consumerOf(topic: string, { group, ...options }: ConsumeOptions, command: Command): Promise<Reading> {
  const { url } = command.optsWithGlobals<{ url: string }>();
  const { consumerProperty, fromBeginning = false } = options;
  const { options: settings, connection } = consumerSettings(command, consumerProperty, group);
  const rivulet = await connect(command, reportOutages(url), connection);
  if (group !== undefined) {
    const flags = { group, fromBeginning, settings };
    return { consumer: await groupConsumer(rivulet, topic, flags, command), ends: noEnds };
  }
  const { partition, partitions = partition === undefined ? undefined : [partition] } = options;
  const ranges = await rangesOf(rivulet.admin(), topic, {
    bounds: { ...options.offset, ...(options.fromBeginning && { begin: 'earliest' }) },
    untilLatest: options.until === 'latest',
    ...(partitions && { partitions }),
  });
  // The consumer reads from the given offsets. If retention has removed one, it reads from the earliest record left.
  const consumer = rivulet.consumer({ ...settings, autoOffsetReset: 'earliest' });
  consumer.assign(ranges.map(({ partition, begin }) => ({ topic, partition, offset: begin })));
  return { consumer, ends: endsOf(topic, ranges) };
}

const noEnds: RangeEnds = { holds: () => true, areReached: () => false };

function endsOf(topic: string, ranges: readonly PartitionRange[]): RangeEnds {
  const ends = new Map(ranges.map(({ partition, end = Number.POSITIVE_INFINITY }) => [partition, end]));
  return {
    holds: ({ partition, offset }) => offset < ends.get(partition)!,
    areReached: (consumer) =>
      ranges.every(
        ({ partition, begin }) => (consumer.position({ topic, partition }) ?? begin) >= ends.get(partition)!,
      ),
  };
}

async function formatterOf(options: ConsumeOptions, command: Command): Promise<(message: ConsumedMessage) => Buffer> {
  const { format, formatString, property = {} } = options;
  if (format === 'text' || formatString !== undefined) return textFormatterOf(options, command);
  refuseUnknown(command, property, options.filter ? filterProperties : []);
  const { lineOf } = await lineFormats[format]();
  return (message) => Buffer.from(`${lineOf(message)}\n`);
}

/** The properties by which a filter reads keys and values. */
const filterProperties = ['key.deserializer', 'value.deserializer'];

const lineFormats = {
  ndjson: async () => ({ lineOf: (await import('./json-lines.ts')).lineOfMessage }),
  envelope: async () => ({ lineOf: (await import('./envelopes.ts')).envelopeOf }),
};

function textFormatterOf(
  { formatString, property = {} }: ConsumeOptions,
  command: Command,
): (message: ConsumedMessage) => Buffer {
  const known = formatString === undefined ? formatterProperties : formatStringProperties;
  refuseUnknown(command, property, known);
  try {
    if (formatString !== undefined) return formatPrinter(formatString, property);
    return textFormatter(property, (name, fallback) => flag(command, property, name, fallback));
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    return command.error(`rivulet: ${formatString === undefined ? '--property ' : ''}${(error as Error).message}`);
  }
}
