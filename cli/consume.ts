// `rivulet consume` prints a topic's records on standard output: all of them, or the share of a group's member. It takes the
// flags of kafka-console-consumer.sh, and its last line is the same: how many messages were processed.
import { type Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import type { Consumer } from '../client/consumer/consumer.ts';
import type { Assignment } from '../client/consumer/consumer-options.ts';
import type { ConsumedMessage } from '../client/message.ts';
import { connect } from './connect.ts';
import { consumerProperties, groupConsumer } from './consume-group.ts';
import {
  flag,
  keyValue,
  type Properties,
  refuseAll,
  refuseUnknown,
  topicOf,
  topicOption,
  wholeNumber,
} from './options.ts';
import { reportOutages } from './outage.ts';
import { isReaderGone, outliveReader, plural, writeOut } from './output.ts';
import { onStopSignal } from './stop-signals.ts';
import { formatterProperties, textFormatter } from './text-lines.ts';

const examples = `
By default the command reads the records that arrive from now on, of all partitions, until Ctrl-C.

With --group, all consumers of the group share the partitions, in as many terminals as you like. Each continues from the
offset that the group has committed, and --from-beginning applies only where it has committed none. Ctrl-C commits and
leaves. Then the others take over with their next heartbeat request, within heartbeat.interval.ms (5 s). If a consumer is
killed, they take over after session.timeout.ms (45 s).

Both values of --isolation-level read the same, because no record of a transaction is in a topic before its commit: there is
nothing uncommitted to read, and no open transaction to wait for. The flag is there for scripts that pass it.

Properties of --consumer-property: ${consumerProperties.slice(0, 4).join(', ')},
${consumerProperties.slice(4).join(', ')}.

Properties of --format text: print.key, print.value, print.timestamp, print.partition, print.offset, print.headers,
key.separator, headers.separator, line.separator, null.literal, and key.deserializer, value.deserializer,
headers.deserializer for Kafka's numbers (LongDeserializer). They work as in kafka-console-consumer.sh. Without a
deserializer, bytes are printed unchanged.

Examples:
  rivulet consume orders --from-beginning
  rivulet consume orders --from-beginning --property print.key=true --property key.separator=:
  rivulet consume orders --group billing --from-beginning
  rivulet consume orders --partition 2 --offset 1500 --max-messages 10
  rivulet consume orders --from-beginning --timeout-ms 1000 --format ndjson > orders.ndjson`;

type Offset = 'earliest' | 'latest' | number;
type ConsumeOptions = {
  group?: string;
  consumerProperty?: Properties;
  fromBeginning?: boolean;
  partition?: number;
  offset?: Offset;
  maxMessages?: number;
  timeoutMs?: number;
  property?: Properties;
  format: 'text' | 'ndjson';
};

export function addConsume(rivulet: Command): void {
  rivulet
    .command('consume')
    .description('print the records of a topic')
    .argument('[topic]')
    .addOption(topicOption())
    .addOption(new Option('--from-beginning', 'begin with the earliest record').conflicts('offset'))
    .addOption(
      new Option('--group <id>', 'share the partitions with the other members of this group').conflicts([
        'partition',
        'offset',
      ]),
    )
    .option('--consumer-property <name=value>', 'set a property of this member; repeatable', keyValue)
    .option('--partition <number>', 'read only this partition', wholeNumber(0, 9_999))
    .option('--offset <where>', 'begin here in the partition: earliest, latest or an offset', parseOffset)
    .addOption(
      new Option('--isolation-level <level>', 'both read the same: see below').choices([
        'read_committed',
        'read_uncommitted',
      ]),
    )
    .option('--max-messages <count>', 'stop after this many messages', wholeNumber(1))
    .option('--timeout-ms <ms>', 'stop after this many milliseconds without a message', wholeNumber(1, 2_147_483_647))
    .option('--formatter-property, --property <name=value>', 'what to print; repeatable', keyValue)
    .addOption(new Option('--format <format>', 'how to print').choices(['text', 'ndjson']).default('text'))
    .addHelpText('after', examples)
    .action(consume);
}

function parseOffset(text: string): Offset {
  if (text === 'earliest' || text === 'latest') return text;
  const offset = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(offset)) return offset;
  throw new InvalidArgumentError(`It must be earliest, latest or a whole number up to ${Number.MAX_SAFE_INTEGER}.`);
}

async function consume(positional: string | undefined, options: ConsumeOptions, command: Command): Promise<void> {
  const topic = topicOf(command, positional);
  if (options.offset !== undefined && options.partition === undefined)
    command.error('rivulet: --offset needs --partition');
  if (options.consumerProperty && options.group === undefined)
    command.error('rivulet: --consumer-property needs --group');
  const format = await formatterOf(options, command);
  await printAll(await consumerOf(topic, options, command), format, options);
}

async function consumerOf(topic: string, { group, ...options }: ConsumeOptions, command: Command): Promise<Consumer> {
  const { url } = command.optsWithGlobals<{ url: string }>();
  const rivulet = await connect(command, reportOutages(url), options.consumerProperty?.['client.id']);
  if (group !== undefined) return groupConsumer(rivulet, topic, { ...options, group }, command);
  const assignments = await assignmentsOf(rivulet.admin(), topic, options);
  // The consumer reads from the given offsets. If retention has removed one, it reads from the earliest record left.
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign(assignments);
  return consumer;
}

async function formatterOf(
  { format, property = {} }: ConsumeOptions,
  command: Command,
): Promise<(message: ConsumedMessage) => Buffer> {
  if (format === 'ndjson') {
    refuseAll(command, property, format);
    const { lineOfMessage } = await import('./json-lines.ts');
    return (message) => Buffer.from(`${lineOfMessage(message)}\n`);
  }
  refuseUnknown(command, property, formatterProperties);
  try {
    return textFormatter(property, (name, fallback) => flag(command, property, name, fallback));
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    return command.error(`rivulet: --property ${(error as Error).message}`);
  }
}

/** Looks the offsets up once, here: a wrong topic or partition fails immediately, and "latest" means now. */
async function assignmentsOf(admin: Admin, topic: string, options: ConsumeOptions): Promise<Assignment[]> {
  const { partition, offset = options.fromBeginning ? 'earliest' : 'latest' } = options;
  const all = await admin.fetchTopicOffsets(topic);
  const wanted = partition === undefined ? all : all.filter((one) => one.partition === partition);
  if (wanted.length === 0)
    throw new Error(
      `--partition: expected one of the ${plural(all.length, 'partition')} of topic ${topic}, got ${partition}`,
    );
  const [only] = wanted;
  if (typeof offset === 'number' && (offset < only!.earliest || offset > only!.latest))
    throw new Error(
      `--offset: expected ${only!.earliest} to ${only!.latest}, which partition ${partition} holds, got ${offset}`,
    );
  return wanted.map((one) => ({
    topic,
    partition: one.partition,
    offset: typeof offset === 'number' ? offset : one[offset],
  }));
}

async function printAll(
  consumer: Consumer,
  format: (message: ConsumedMessage) => Buffer,
  { maxMessages = Number.POSITIVE_INFINITY, timeoutMs }: ConsumeOptions,
): Promise<void> {
  let processed = 0;
  const stop = (): void => void consumer.stop();
  const timer = timeoutMs === undefined ? undefined : setTimeout(stop, timeoutMs);
  onStopSignal((exitCode) => {
    process.exitCode = exitCode;
    stop();
  });
  // When the reader has gone, the next write fails too, and then the member of a group commits and leaves.
  outliveReader();
  try {
    await consumer.run({
      eachBatch: async ({ topic, partition, messages }) => {
        const printed = messages.slice(0, maxMessages - processed);
        await writeOut(Buffer.concat(printed.map(format)));
        processed += printed.length;
        // A group must commit only what was printed.
        if (printed.length < messages.length)
          consumer.seek({ topic, partition, offset: messages[printed.length]!.offset });
        if (processed >= maxMessages) stop();
        timer?.refresh();
      },
    });
  } catch (error) {
    // The reader of our output has closed the pipe (`| head`). That is no failure, and it needs no count.
    if (isReaderGone(error)) return;
    countOf(processed);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  countOf(processed);
}

const countOf = (processed: number): void => console.error(`Processed a total of ${processed} messages`);
