// `rivulet offsets` prints the same lines as kafka-get-offsets.sh: `topic:partition:offset`.
import { type Command, InvalidArgumentError } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import { connect } from './connect.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { partitionList, topicOf, topicOption } from './options.ts';
import { printLine } from './output.ts';
import { isoTime } from './times.ts';

const examples = `
The command prints topic:partition:offset. The offset is -1 if no record is at or after the time. max-timestamp is the
first record with the greatest timestamp.

Examples:
  rivulet offsets orders
  rivulet offsets orders --time earliest --partitions 0,2-3
  rivulet offsets orders --time 2026-11-22T09:00:00Z --json`;

type Time = 'earliest' | 'latest' | 'max-timestamp' | number;
type OffsetsOptions = FormatFlags & { time: Time; partitions?: readonly number[] };

export function addOffsets(rivulet: Command): void {
  withFormats(rivulet.command('offsets'))
    .description('print the offsets of a topic')
    .argument('[topic]')
    .addOption(topicOption())
    .option(
      '--time <when>',
      'earliest, latest, max-timestamp, or a time: ISO 8601 (UTC if it names no zone), or epoch milliseconds',
      parseTime,
      'latest',
    )
    .option('--partitions <list>', 'only these partitions, like 0,2-3', partitionList)
    .addHelpText('after', examples)
    .action(offsets);
}

async function offsets(
  positional: string | undefined,
  { time, partitions, ...flags }: OffsetsOptions,
  command: Command,
): Promise<void> {
  const topic = topicOf(command, positional);
  const all = await offsetsAt((await connect(command)).admin(), topic, time);
  const missing = partitions?.find((partition) => !all.some((one) => one.partition === partition));
  if (missing !== undefined)
    throw new Error(`--partitions: expected 0 to ${all.length - 1}, which topic ${topic} has, got ${missing}`);
  const wanted = all.filter(({ partition }) => partitions?.includes(partition) ?? true);
  const printLines = (): void => {
    for (const { partition, offset } of wanted) printLine(`${topic}:${partition}:${offset}`);
  };
  await printFormatted(
    flags,
    wanted.map((one) => ({ topic, ...one })),
    printLines,
    () => ({
      headings: ['TOPIC', 'PARTITION', 'OFFSET'],
      rows: wanted.map(({ partition, offset }) => [topic, partition, offset]),
    }),
  );
}

async function offsetsAt(admin: Admin, topic: string, time: Time): Promise<{ partition: number; offset: number }[]> {
  if (time === 'max-timestamp') return admin.fetchTopicOffsetsAtMaxTimestamp(topic);
  if (typeof time === 'number') return admin.fetchTopicOffsetsByTimestamp(topic, time);
  const both = await admin.fetchTopicOffsets(topic);
  return both.map((one) => ({ partition: one.partition, offset: one[time] }));
}

/** The names and numbers of kafka-get-offsets.sh. */
const named: Readonly<Record<string, Time>> = {
  ...{ latest: 'latest', '-1': 'latest', earliest: 'earliest', '-2': 'earliest' },
  ...{ 'max-timestamp': 'max-timestamp', '-3': 'max-timestamp' },
  // In Kafka, earliest-local leaves out tiered storage. Nothing is tiered here, so it is the same as earliest.
  ...{ 'earliest-local': 'earliest', '-4': 'earliest' },
};
const tiered: readonly string[] = ['latest-tiered', '-5', 'earliest-pending-upload', '-6'];

function parseTime(text: string): Time {
  if (Object.hasOwn(named, text)) return named[text]!;
  if (tiered.includes(text))
    throw new InvalidArgumentError('There is no tiered storage here: give earliest or latest.');
  return isoTime(text);
}
