// `rivulet subscriptions ...` looks after the deliveries of topics to webhooks and functions. subscription-settings.ts has the
// commands that take settings.
import type { Command } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import type { SubscriptionDescription } from '../client/admin/subscription-admin.ts';
import type { SubscriptionRef, SubscriptionSummary } from '../lib/api/push.ts';
import { connect } from './connect.ts';
import { hasErrorCode } from './failure.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { duration } from './group-description.ts';
import { notEmpty } from './options.ts';
import { plural, printLine, printTable } from './output.ts';
import { refOf, topicOption } from './subscription-ref.ts';
import { addCreate, addUpdate } from './subscription-settings.ts';
import { stateNote, targetText } from './subscription-target.ts';

const examples = `
Examples:
  rivulet subscriptions create billing --topic orders --webhook http://127.0.0.1:3000/orders
  rivulet subscriptions list
  rivulet subscriptions describe billing
  rivulet subscriptions pause billing --reason maintenance
  rivulet subscriptions retry billing
  rivulet subscriptions delete billing`;

export function addSubscriptions(rivulet: Command): void {
  const subscriptions = rivulet
    .command('subscriptions')
    .description('deliver the records of topics to webhooks and functions');
  addCreate(subscriptions);
  addList(subscriptions);
  addDescribe(subscriptions);
  addUpdate(subscriptions);
  addPause(subscriptions);
  addResume(subscriptions);
  addRetry(subscriptions);
  addTestInvoke(subscriptions);
  addRotateSecret(subscriptions);
  addDelete(subscriptions);
  subscriptions.addHelpText('after', examples);
}

/** A command about one subscription, named by its group. */
const command = (subscriptions: Command, name: string, description: string): Command =>
  subscriptions.command(name).description(description).argument('[group]').addOption(topicOption());

const adminOf = async (of: Command): Promise<Admin> => (await connect(of)).admin();

const nameOf = ({ topic, groupId }: SubscriptionRef): string => `Subscription ${groupId} of topic ${topic}`;

// --- list

function addList(subscriptions: Command): void {
  withFormats(subscriptions.command('list'))
    .description('print all subscriptions')
    .option('--topic <topic>', 'only those of this topic', notEmpty)
    .addHelpText('after', '\nExample:\n  rivulet subscriptions list --topic orders')
    .action(list);
}

async function list({ topic, ...flags }: FormatFlags & { topic?: string }, of: Command): Promise<void> {
  const found = await (await adminOf(of)).listSubscriptions(topic === undefined ? {} : { topic });
  await printFormatted(flags, found, () => printTable(['GROUP', 'TOPIC', 'STATE', 'TARGET'], found.map(rowOf)));
}

const rowOf = ({ groupId, topic, state, target }: SubscriptionSummary): string[] => [
  groupId,
  topic,
  state,
  targetText(target),
];

// --- describe

const describeHelp = `
LAG counts the records that are not delivered yet. ATTEMPTS counts the failures of the batch at the committed offset, which is
tried again after NEXT-TRY. \`-o json\` prints the settings too.

Example:
  rivulet subscriptions describe billing`;

function addDescribe(subscriptions: Command): void {
  withFormats(command(subscriptions, 'describe', 'print how far a subscription is, and what fails'))
    .addHelpText('after', describeHelp)
    .action(describe);
}

async function describe(positional: string | undefined, flags: FormatFlags, of: Command): Promise<void> {
  const admin = await adminOf(of);
  const described = await admin.describeSubscription(await refOf(of, admin, positional));
  await printFormatted(flags, described, () => printDescription(described));
}

function printDescription(described: SubscriptionDescription): void {
  const { groupId, topic, state, settings, partitions } = described;
  const note = stateNote(described);
  console.error(`rivulet: note: ${nameOf(described)} delivers to ${targetText(settings.target)}, state ${state}`);
  if (note !== undefined) console.error(`rivulet: note: ${note}`);
  printTable(
    ['GROUP', 'TOPIC', 'PARTITION', 'COMMITTED-OFFSET', 'LOG-END-OFFSET', 'LAG', 'ATTEMPTS', 'NEXT-TRY', 'ERROR'],
    partitions.map(({ partition, committedOffset, logEndOffset, lag, failing }) => [
      ...[groupId, topic, partition, committedOffset < 0 ? '-' : committedOffset, logEndOffset, lag],
      failing?.attempts ?? '-',
      failing ? duration(Math.max(0, failing.nextTry - Date.now())) : '-',
      failing?.error ?? '-',
    ]),
  );
}

// --- pause, resume

function addPause(subscriptions: Command): void {
  command(subscriptions, 'pause', 'start no further delivery; one that is under way finishes')
    .option('--reason <text>', 'why, for the people who find it paused', notEmpty)
    .addHelpText('after', '\nExample:\n  rivulet subscriptions pause billing --reason maintenance')
    .action(async (positional: string | undefined, { reason }: { reason?: string }, of: Command) => {
      const admin = await adminOf(of);
      const ref = await refOf(of, admin, positional);
      await admin.pauseSubscription({ ...ref, ...(reason !== undefined && { reason }) });
      printLine(`${nameOf(ref)}: paused`);
    });
}

function addResume(subscriptions: Command): void {
  command(subscriptions, 'resume', 'continue the deliveries')
    .addHelpText('after', '\nExample:\n  rivulet subscriptions resume billing')
    .action(async (positional: string | undefined, _options: unknown, of: Command) => {
      const admin = await adminOf(of);
      const ref = await refOf(of, admin, positional);
      const { lag } = await admin.resumeSubscription(ref);
      printLine(`${nameOf(ref)}: resumed, ${plural(lag, 'record')} to deliver`);
    });
}

// --- retry

const retryHelp = `
The records in the dead-letter topic that this subscription gave up are delivered once more, in their order. The first that
fails again stops it; the next \`retry\` begins with that one. With --now, batches that wait after a failure are tried
immediately instead.

Examples:
  rivulet subscriptions retry billing
  rivulet subscriptions retry billing --now`;

function addRetry(subscriptions: Command): void {
  command(subscriptions, 'retry', 'deliver the dead letters of a subscription once more')
    .option('--now', 'end the pause after a failure instead')
    .addHelpText('after', retryHelp)
    .action(retry);
}

async function retry(positional: string | undefined, { now }: { now?: boolean }, of: Command): Promise<void> {
  const admin = await adminOf(of);
  const ref = await refOf(of, admin, positional);
  if (now) {
    await admin.retrySubscriptionNow(ref);
    printLine(`${nameOf(ref)}: failing batches are tried now`);
    return;
  }
  const { delivered, skipped, failed } = await admin.retryDeadLetters(ref);
  printLine(`${nameOf(ref)}: ${plural(delivered, 'dead letter')} delivered`);
  if (skipped > 0)
    console.error(
      `rivulet: note: ${plural(skipped, 'record')} skipped: letters of other subscriptions, records that are no letters, or letters whose record is missing or cannot be read`,
    );
  if (failed)
    throw new Error(
      `the dead letter at partition ${failed.partition}, offset ${failed.offset} failed again: ${failed.error}`,
    );
}

// --- test-invoke

function addTestInvoke(subscriptions: Command): void {
  withFormats(command(subscriptions, 'test-invoke', 'send one event with a sample record, and commit nothing'))
    .addHelpText('after', '\nExample:\n  rivulet subscriptions test-invoke billing')
    .action(testInvoke);
}

async function testInvoke(positional: string | undefined, flags: FormatFlags, of: Command): Promise<void> {
  const admin = await adminOf(of);
  const ref = await refOf(of, admin, positional);
  const reply = await admin.testSubscription(ref);
  const reason = reply.error === undefined ? '' : `: ${reply.error}`;
  await printFormatted(flags, reply, () => printLine(`${nameOf(ref)}: ${reply.outcome}${reason}`));
  if (reply.outcome !== 'success') process.exitCode = 1;
}

// --- rotate-secret

const rotateHelp = `
The command prints the new secret. Until the printed time each event has two signatures, one by the old secret and one by the
new, so that the receiver can change over without a gap.

Example:
  rivulet subscriptions rotate-secret billing`;

function addRotateSecret(subscriptions: Command): void {
  withFormats(command(subscriptions, 'rotate-secret', 'make another secret for a webhook'))
    .addHelpText('after', rotateHelp)
    .action(async (positional: string | undefined, flags: FormatFlags, of: Command) => {
      const admin = await adminOf(of);
      const rotated = await admin.rotateSubscriptionSecret(await refOf(of, admin, positional));
      await printFormatted(flags, rotated, () => {
        const until = new Date(rotated.previousUntil).toISOString();
        console.error(`rivulet: note: the old secret also signs, until ${until}. The new one is not shown again`);
        printLine(rotated.secret);
      });
    });
}

// --- delete

function addDelete(subscriptions: Command): void {
  command(subscriptions, 'delete', 'end the deliveries; the offsets of the group stay')
    .option('--if-exists', 'succeed also if there is no such subscription')
    .addHelpText('after', '\nExample:\n  rivulet subscriptions delete billing')
    .action(remove);
}

async function remove(
  positional: string | undefined,
  { ifExists }: { ifExists?: boolean },
  of: Command,
): Promise<void> {
  const admin = await adminOf(of);
  try {
    const ref = await refOf(of, admin, positional);
    await admin.deleteSubscription(ref);
    printLine(`${nameOf(ref)}: deleted`);
  } catch (error) {
    if (!ifExists || !hasErrorCode(error, 'SUBSCRIPTION_NOT_FOUND')) throw error;
  }
}
