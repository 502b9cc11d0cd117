// `rivulet subscriptions create` and `update`: the options are those of `aws lambda create-event-source-mapping`.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CreatedSubscription, CreateSubscription } from '../client/admin/subscription-admin.ts';
import { limits } from '../lib/api/limits.ts';
import type { FilterCriteria, SubscriptionRef, SubscriptionTarget } from '../lib/api/push.ts';
import { connect } from './connect.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { groupOf, nameList, notEmpty, wholeNumber } from './options.ts';
import { printLine } from './output.ts';

import { refOf, topicOption } from './subscription-ref.ts';

import { destinationIn, targetIn } from './subscription-target.ts';

import { isoTime } from './times.ts';

const createHelp = `
The records of the topic go to a webhook or a Lambda function. The committed offsets of the group say how far the deliveries
are. A service on this machine delivers to webhooks only. The secret that signs the events of a webhook is printed once.

--starting-position is TRIM_HORIZON (the earliest record), LATEST (records from now on) or a time. Offsets that the group has
already are set to it.
--filter is Lambda's filter pattern; a record is delivered if it meets one of several.
--on-failure is a topic that exists, or the ARN of an SQS queue. A batch that fails is tried until it succeeds, unless
you give this option, or bound its attempts or its age.

Examples:
  rivulet subscriptions create billing --topic orders --webhook http://127.0.0.1:3000/orders
  rivulet subscriptions create billing --topic orders --webhook https://example.com/orders --on-failure orders-dead
  rivulet subscriptions create billing --topic orders --function arn:aws:lambda:eu-central-1:123456789012:function:bill
  rivulet subscriptions create alerts --topic orders --webhook https://example.com/a --filter '{"value":{"total":[{"numeric":[">",1000]}]}}'`;

type Settings = {
  webhook?: string;
  function?: string;
  batchSize?: number;
  maximumBatchingWindowInSeconds?: number;
  maximumRetryAttempts?: number;
  maximumRecordAgeInSeconds?: number;
  bisectBatchOnFunctionError?: boolean;
  reportBatchItemFailures?: boolean;
  maximumConcurrency?: number | false;
  filter?: readonly string[] | false;
  onFailure?: string | false;
};

type CreateOptions = FormatFlags &
  Settings & { topic?: string; startingPosition: StartingPosition; disabled?: boolean };
type StartingPosition = Pick<CreateSubscription, 'startingPosition' | 'startingPositionTimestamp'>;

export function addCreate(subscriptions: Command): void {
  withSettings(withFormats(subscriptions.command('create')))
    .description('deliver the records of a topic to a webhook or a function')
    .argument('[group]')
    .option('--topic <topic>', 'the topic whose records are delivered; required', notEmpty)
    .addOption(
      new Option('--starting-position <position>', 'where to begin')
        .argParser(startingPosition)
        .default({ startingPosition: 'TRIM_HORIZON' }, 'TRIM_HORIZON'),
    )
    .option('--disabled', 'create it paused')
    .addHelpText('after', createHelp)
    .action(create);
}

function withSettings(command: Command): Command {
  return command
    .addOption(new Option('--webhook <url>', 'deliver to this URL').argParser(notEmpty).conflicts('function'))
    .addOption(new Option('--function <arn>', 'deliver to this Lambda function').argParser(notEmpty))
    .option('--batch-size <count>', 'the most records of an event', wholeNumber(1, limits.pushBatchSize))
    .option(
      '--maximum-batching-window-in-seconds <seconds>',
      'how long a delivery may wait for a full batch',
      wholeNumber(0, limits.maxBatchingWindowSeconds),
    )
    .option(
      '--maximum-retry-attempts <count>',
      'tries after the first one; -1 for no end',
      orNone(0, limits.maxRetryAttempts),
    )
    .option(
      '--maximum-record-age-in-seconds <seconds>',
      'give up a record that is older; -1 for never',
      orNone(limits.minRecordAgeSeconds, limits.maxRecordAgeSeconds),
    )
    .option('--bisect-batch-on-function-error', 'try the halves of a batch that failed')
    .option('--report-batch-item-failures', 'the answer may name the records that failed')
    .option(
      '--maximum-concurrency <count>',
      'the most partitions that are delivered at the same time',
      wholeNumber(1, limits.maxPushConcurrency),
    )
    .option('--filter <pattern>', 'deliver only records that meet this pattern; repeatable', nameList)
    .option('--on-failure <destination>', 'the topic or the queue for records that were given up', notEmpty);
}

/** -1, or a number within the bounds. */
const orNone =
  (min: number, max: number) =>
  (text: string): number =>
    text === '-1' ? -1 : wholeNumber(min, max)(text);

function startingPosition(text: string): StartingPosition {
  const name = text.toUpperCase();
  if (name === 'TRIM_HORIZON' || name === 'LATEST') return { startingPosition: name };
  try {
    return { startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: isoTime(text) };
  } catch {
    throw new InvalidArgumentError('It must be TRIM_HORIZON, LATEST or a time like 2026-11-22T09:00:00Z.');
  }
}

async function create(positional: string | undefined, options: CreateOptions, command: Command): Promise<void> {
  const { topic, startingPosition: position, disabled = false } = options;
  const groupId = groupOf(command, positional);
  const target = targetOf(options);
  if (topic === undefined) command.error('rivulet: the topic is missing: give --topic');
  if (target === undefined) command.error('rivulet: the target is missing: give --webhook or --function');
  const ref = { topic, groupId };
  const created = await (await connect(command)).admin().createSubscription({
    ...ref,
    target,
    ...position,
    ...settingsOf(options),
    enabled: !disabled,
  } as CreateSubscription);
  await printFormatted(options, created, () => printCreated(ref, 'created', created));
}

/** The secret stands alone on its line, so that a program can take it. */
function printCreated({ topic, groupId }: SubscriptionRef, done: string, { secret, state }: CreatedSubscription): void {
  printLine(`Subscription ${groupId} of topic ${topic}: ${done}${state === 'Paused' ? ', paused' : ''}`);
  if (secret === undefined) return;
  console.error('rivulet: note: this secret signs the events. It is not shown again');
  printLine(secret);
}

function targetOf({ webhook, function: arn }: Settings): SubscriptionTarget | undefined {
  if (webhook !== undefined) return targetIn('webhook', webhook);
  return arn === undefined ? undefined : targetIn('function', arn);
}

/** An option that was not given is left out. `--no-filter` and its like of `update` take a setting away. */
function settingsOf(options: Settings): object {
  const { filter, onFailure, maximumConcurrency } = options;
  const settings = {
    batchSize: options.batchSize,
    maximumBatchingWindowSeconds: options.maximumBatchingWindowInSeconds,
    maximumRetryAttempts: options.maximumRetryAttempts,
    maximumRecordAgeSeconds: options.maximumRecordAgeInSeconds,
    bisectBatchOnFunctionError: options.bisectBatchOnFunctionError,
    reportBatchItemFailures: options.reportBatchItemFailures,
    maximumConcurrency: maximumConcurrency === false ? null : maximumConcurrency,
    filterCriteria: filter === false ? null : filter && filtersOf(filter),
    onFailure: onFailure === false ? null : onFailure && destinationIn(onFailure),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

const filtersOf = (patterns: readonly string[]): FilterCriteria => ({
  filters: patterns.map((pattern) => ({ pattern })),
});

// --- update

const updateHelp = `
A setting that is not given stays as it is. A delivery that is under way finishes with the old settings.

Examples:
  rivulet subscriptions update billing --batch-size 10 --on-failure orders-dead
  rivulet subscriptions update billing --no-filter`;

export function addUpdate(subscriptions: Command): void {
  withSettings(withFormats(subscriptions.command('update')))
    .description('change the settings of a subscription')
    .argument('[group]')
    .addOption(topicOption())
    .option('--no-bisect-batch-on-function-error', 'try a batch that failed as a whole')
    .option('--no-report-batch-item-failures', 'ignore the records that the answer names')
    .option('--no-maximum-concurrency', 'deliver as many partitions at the same time as the service takes')
    .option('--no-filter', 'deliver every record')
    .option('--no-on-failure', 'try a batch until it succeeds, unless you chose another number of attempts')
    .addHelpText('after', updateHelp)
    .action(update);
}

async function update(
  positional: string | undefined,
  options: FormatFlags & Settings,
  command: Command,
): Promise<void> {
  const admin = (await connect(command)).admin();
  const target = targetOf(options);
  const changes = { ...(target && { target }), ...settingsOf(options) };
  if (Object.keys(changes).length === 0) command.error('rivulet: there is nothing to change: give an option');
  const ref = await refOf(command, admin, positional);
  const updated = await admin.updateSubscription({ ...ref, ...changes });
  await printFormatted(options, updated, () => printCreated(ref, 'updated', updated));
}
