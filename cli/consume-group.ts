// `rivulet consume --group` is a member of a group. It reports on standard error when it joins, and what it is assigned.
import type { Command } from 'commander';
import type { Consumer } from '../client/consumer/consumer.ts';
import type { ConsumerOptions, TopicPartition } from '../client/consumer/consumer-options.ts';
import type { MembershipEvent } from '../client/group/membership.ts';
import type { Rivulet } from '../client/rivulet.ts';
import { limits } from '../lib/api/limits.ts';
import { checkPlainGroupId } from '../lib/group/names.ts';
import { whyInvalidName } from '../lib/topic/name.ts';
import { made } from './kafka-properties.ts';
import { printNote } from './progress.ts';

export type GroupFlags = {
  readonly group: string;
  readonly fromBeginning?: boolean;
  /** The options that --consumer-property sets. */
  readonly settings: ConsumerOptions;
};

/** Returns a consumer that is subscribed. It first makes sure that the topic exists. */
export async function groupConsumer(
  rivulet: Rivulet,
  topic: string,
  flags: GroupFlags,
  command: Command,
): Promise<Consumer> {
  const options = optionsOf(flags, command);
  checkPlainGroupId(flags.group);
  const { groupInstanceId } = options;
  const wrong = groupInstanceId === undefined ? undefined : whyInvalidName(groupInstanceId);
  if (wrong)
    command.error(`rivulet: --consumer-property group.instance.id: ${JSON.stringify(groupInstanceId)} ${wrong}`);
  const consumer = consumerOf(rivulet, topic, { ...options, groupId: flags.group }, command);
  await rivulet.admin().fetchTopicOffsets(topic);
  consumer.subscribe({ topics: [topic] });
  return consumer;
}

function consumerOf(
  rivulet: Rivulet,
  topic: string,
  options: ConsumerOptions & { readonly groupId: string },
  command: Command,
): Consumer {
  let consumer: Consumer | undefined;
  const owns = () => (consumer?.assignment().length ?? 0) > 0;
  const all: ConsumerOptions = {
    ...options,
    onMembership: tellMembership(topic, options, owns),
    onPartitionsAssigned: (partitions) => printNote(`assigned ${listed(partitions)}`),
    onPartitionsRevoked: (partitions) => printNote(`revoked ${listed(partitions)}`),
    onPartitionsLost: (partitions, { detail }) => printNote(`lost ${listed(partitions)}: ${detail}`),
    onRetention: ({ topic: of, partition, lostRecords }) =>
      printNote(
        lostRecords > 0
          ? `${lostRecords} records of ${of}-${partition} were removed before they were read`
          : `retention is about to remove records of ${of}-${partition} that are not read yet`,
      ),
  };
  consumer = made(command, '--consumer-property', () => rivulet.consumer(all));
  return consumer;
}

/** A member that waits says what it waits for. */
function tellMembership(
  topic: string,
  options: ConsumerOptions & { readonly groupId: string },
  owns: () => boolean,
): (event: MembershipEvent) => void {
  const { groupId, groupInstanceId, heartbeatIntervalMs = limits.defaultHeartbeatIntervalMs } = options;
  // With one heartbeat request the other members learn that they must release partitions. When they send the next one, they have released them.
  const patienceMs = 2 * heartbeatIntervalMs + 1_000;
  const lookAgain = (): void => {
    if (!owns()) printNote(`no partitions of ${topic} yet: other members of ${groupId} have them`);
  };
  return (event) => {
    switch (event.type) {
      case 'joined':
        printNote(`joined group ${groupId} as member ${event.memberId}`);
        // The timer must not keep the process alive when all is done.
        setTimeout(lookAgain, patienceMs).unref();
        break;
      case 'instance-in-use':
        printNote(
          `instance id ${groupInstanceId} is in use by another member of ${groupId}; waiting until it leaves or its session is over`,
        );
        break;
      case 'not-committed':
        printNote(
          `the last offsets were not committed, so records printed since then will be printed again: ${event.reason.detail}`,
        );
        break;
      case 'not-left':
        printNote(
          `could not leave group ${groupId}, so its partitions wait until the session is over: ${event.reason.detail}`,
        );
    }
  };
}

function optionsOf({ fromBeginning, settings }: GroupFlags, command: Command): ConsumerOptions {
  const { autoOffsetReset: reset } = settings;
  if (fromBeginning && reset !== undefined && reset !== 'earliest')
    command.error(`rivulet: --from-beginning and --consumer-property auto.offset.reset=${reset} exclude each other`);
  return { autoOffsetReset: fromBeginning ? 'earliest' : 'latest', ...settings };
}

/** Writes partitions like `orders 0-5,7`. */
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
