// `rivulet consume --group`: a member of a group, whose coming and going is told on standard error.
import type { Command } from 'commander';
import type { Consumer } from '../lib/client/consumer.ts';
import type { ConsumerOptions, TopicPartition } from '../lib/client/consumer-options.ts';
import type { Rivulet } from '../lib/client/rivulet.ts';
import { checkGroupId } from '../lib/group/names.ts';
import { limits } from '../lib/limits.ts';
import { whyInvalidName } from '../lib/topic/name.ts';
import { type Properties, wholeNumber } from './options.ts';
import { printNote } from './progress.ts';

export type GroupFlags = {
  readonly group: string;
  readonly fromBeginning?: boolean;
  readonly consumerProperty?: Properties;
};

/** Kafka's names of what a member may be told, and ours. */
const properties: Readonly<Record<string, (text: string) => ConsumerOptions>> = {
  'auto.offset.reset': (text) => ({ autoOffsetReset: oneOf(text, ['earliest', 'latest', 'none']) }),
  'auto.commit.interval.ms': (text) => ({ autoCommitIntervalMs: wholeNumber(1)(text) }),
  'group.instance.id': (text) => ({ groupInstanceId: validName(text) }),
  'group.remote.assignor': (text) => ({ assignor: oneOf(text, ['uniform', 'range']) }),
  'heartbeat.interval.ms': (text) => ({ heartbeatIntervalMs: wholeNumber(limits.minHeartbeatIntervalMs)(text) }),
  'max.poll.interval.ms': (text) => ({ maxPollIntervalMs: wholeNumber(1, limits.maxRebalanceTimeoutMs)(text) }),
  'session.timeout.ms': (text) => ({
    sessionTimeoutMs: wholeNumber(limits.minSessionTimeoutMs, limits.maxSessionTimeoutMs)(text),
  }),
};

export const consumerProperties = Object.keys(properties);

/** Subscribed, once it is sure that the topic is there. */
export async function groupConsumer(
  rivulet: Rivulet,
  topic: string,
  flags: GroupFlags,
  command: Command,
): Promise<Consumer> {
  const options = optionsOf(flags, command);
  checkGroupId(flags.group);
  await rivulet.admin().fetchTopicOffsets(topic);
  const consumer = rivulet.consumer({
    ...options,
    groupId: flags.group,
    onPartitionsAssigned: (partitions) => printNote(`assigned ${listed(partitions)}`),
    onPartitionsRevoked: (partitions) => printNote(`revoked ${listed(partitions)}`),
    onPartitionsLost: (partitions, { detail }) => printNote(`lost ${listed(partitions)}: ${detail}`),
    onRetention: ({ topic: of, partition, lostRecords }) =>
      printNote(
        lostRecords > 0
          ? `${lostRecords} records of ${of}-${partition} were removed before they were read`
          : `retention is about to remove records of ${of}-${partition} that are not read yet`,
      ),
  });
  consumer.subscribe({ topics: [topic] });
  return consumer;
}

function optionsOf({ fromBeginning, consumerProperty = {} }: GroupFlags, command: Command): ConsumerOptions {
  const given = Object.entries(consumerProperty).map(([name, text]) => {
    const parse = properties[name];
    if (!parse)
      return command.error(
        `rivulet: --consumer-property ${name}: not known here; known are ${consumerProperties.join(', ')}`,
      );
    try {
      return parse(text);
    } catch (error) {
      return command.error(`rivulet: --consumer-property ${name}: ${(error as Error).message}`);
    }
  });
  return Object.assign({ autoOffsetReset: fromBeginning ? 'earliest' : 'latest' }, ...given);
}

function validName(text: string): string {
  const reason = whyInvalidName(text);
  if (reason) throw new Error(`${JSON.stringify(text)} ${reason}`);
  return text;
}

function oneOf<T extends string>(text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new Error(`must be ${known.join(', ')}, got '${text}'`);
}

/** `orders 0-5,7`. */
function listed(partitions: readonly TopicPartition[]): string {
  return [...Map.groupBy(partitions, ({ topic }) => topic)]
    .map(([topic, of]) => `${topic} ${ranges(of.map(({ partition }) => partition).sort((a, b) => a - b))}`)
    .join(', ');
}

function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
