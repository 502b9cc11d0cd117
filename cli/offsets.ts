// `rivulet offsets`: what kafka-get-offsets.sh prints, `topic:partition:offset`.
import { type Command, InvalidArgumentError } from 'commander';
import type { Admin } from '../lib/client/admin.ts';
import { connect } from './connect.ts';
import { partitionList, topicOf, topicOption } from './options.ts';
import { printJson, printLine } from './output.ts';

const examples = `
Prints topic:partition:offset; the offset is -1 where no record is that young.

Examples:
  rivulet offsets orders
  rivulet offsets orders --time earliest --partitions 0,2-3
  rivulet offsets orders --time 2026-11-22T09:00:00Z --json`;

type Time = 'earliest' | 'latest' | number;
type OffsetsOptions = { time: Time; partitions?: readonly number[]; json?: boolean };

export function addOffsets(rivulet: Command): void {
  rivulet
    .command('offsets')
    .description('print the offsets of a topic')
    .argument('[topic]')
    .addOption(topicOption())
    .option('--time <when>', 'earliest, latest, epoch milliseconds, or an ISO 8601 date', parseTime, 'latest')
    .option('--partitions <list>', 'only these, like 0,2-3', partitionList)
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(offsets);
}

async function offsets(
  positional: string | undefined,
  { time, partitions, json }: OffsetsOptions,
  command: Command,
): Promise<void> {
  const topic = topicOf(command, positional);
  const all = await offsetsAt((await connect(command)).admin(), topic, time);
  const missing = partitions?.find((partition) => !all.some((one) => one.partition === partition));
  if (missing !== undefined) throw new Error(`topic ${topic} has no partition ${missing}, only 0 to ${all.length - 1}`);
  const wanted = all.filter(({ partition }) => partitions?.includes(partition) ?? true);
  if (json) printJson(wanted.map((one) => ({ topic, ...one })));
  else for (const { partition, offset } of wanted) printLine(`${topic}:${partition}:${offset}`);
}

async function offsetsAt(admin: Admin, topic: string, time: Time): Promise<{ partition: number; offset: number }[]> {
  if (typeof time === 'number') return admin.fetchTopicOffsetsByTimestamp(topic, time);
  const both = await admin.fetchTopicOffsets(topic);
  return both.map((one) => ({ partition: one.partition, offset: one[time] }));
}

function parseTime(text: string): Time {
  // kafka-get-offsets.sh's numbers for the same.
  if (text === 'latest' || text === '-1') return 'latest';
  if (text === 'earliest' || text === '-2') return 'earliest';
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isNaN(ms) && ms >= 0) return ms;
  throw new InvalidArgumentError(
    'It must be earliest, latest, epoch milliseconds, or a date like 2026-11-22T09:00:00Z.',
  );
}
