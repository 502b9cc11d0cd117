// `rivulet groups ...` has the flags and the columns of kafka-consumer-groups.sh. group-offsets.ts has the commands for
// offsets.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import type { GroupDescription } from '../client/admin/group-admin.ts';
import type { GroupState } from '../lib/api/groups.ts';
import { checkPlainGroupId } from '../lib/group/names.ts';
import { connect } from './connect.ts';
import { hasErrorCode, reportFailure } from './failure.ts';
import { type FormatFlags, printFormatted, type Table, withFormats } from './formats.ts';
import { describeMembers, describeOffsets, describeState } from './group-description.ts';
import { addDeleteOffsets, addResetOffsets } from './group-offsets.ts';
import { groupOf, groupOption, nameList } from './options.ts';
import { printLine, printTable } from './output.ts';

const examples = `
Examples:
  rivulet groups list --state
  rivulet groups describe billing
  rivulet groups describe billing --members --verbose
  rivulet groups reset-offsets billing --topic orders --to-earliest --execute
  rivulet groups delete-offsets billing --topic orders:0-2
  rivulet groups delete billing`;

export function addGroups(rivulet: Command): void {
  const groups = rivulet
    .command('groups')
    .description('list, describe and delete consumer groups, reset and delete their offsets');
  addList(groups);
  addDescribe(groups);
  addDelete(groups);
  addResetOffsets(groups);
  addDeleteOffsets(groups);
  groups.addHelpText('after', examples);
}

// --- list

const states: readonly GroupState[] = ['Empty', 'Assigning', 'Reconciling', 'Stable'];

function addList(groups: Command): void {
  withFormats(groups.command('list'))
    .description('print the names of all groups')
    .option('--state [states]', 'also print states; with a list like Stable,Empty only groups in these', stateList)
    .addHelpText('after', '\nExample:\n  rivulet groups list --state Empty')
    .action(list);
}

function stateList(text: string): readonly GroupState[] {
  return text.split(',').map((word) => {
    const state = states.find((one) => one.toLowerCase() === word.trim().toLowerCase());
    if (state === undefined) throw new InvalidArgumentError(`It must be some of ${states.join(', ')}.`);
    return state;
  });
}

type ListOptions = FormatFlags & { state?: true | readonly GroupState[] };

async function list({ state, ...flags }: ListOptions, command: Command): Promise<void> {
  const all = await (await adminOf(command)).listGroups();
  const wanted = Array.isArray(state) ? all.filter((group) => state.includes(group.state)) : all;
  const table: Table = { headings: ['GROUP', 'STATE'], rows: wanted.map((group) => [group.groupId, group.state]) };
  const print = (): void => {
    if (state !== undefined) printTable(table.headings, table.rows);
    else for (const { groupId } of wanted) printLine(groupId);
  };
  await printFormatted(flags, wanted, print, () => table);
}

// --- describe

type DescribeOptions = FormatFlags & {
  group?: string;
  allGroups?: boolean;
  offsets?: boolean;
  members?: boolean;
  state?: boolean;
  verbose?: boolean;
};

function addDescribe(groups: Command): void {
  withFormats(groups.command('describe'))
    .description('print how far a group has read, who its members are, or what state it is in')
    .argument('[group]')
    .addOption(groupOption())
    .option('--all-groups', 'describe all groups')
    .addOption(
      new Option('--offsets', 'print offsets and lag of each partition; the default').conflicts(['members', 'state']),
    )
    .addOption(new Option('--members', 'print the members').conflicts('state'))
    .option('--state', 'print the state of the group')
    .option('--verbose', 'with --members: also print the current and the target assignment of each')
    .addHelpText('after', describeHelp)
    .action(describe);
}

const describeHelp = `
LAG counts records. TIME-LAG is the age of the oldest record that the group has not read.

Examples:
  rivulet groups describe billing
  rivulet groups describe billing --members --verbose
  rivulet groups describe --all-groups --state`;

async function describe(positional: string | undefined, options: DescribeOptions, command: Command): Promise<void> {
  const { allGroups, group } = options;
  if (allGroups && (positional ?? group) !== undefined)
    command.error('rivulet: --all-groups and the name of a group exclude each other');
  const named = allGroups ? undefined : groupOf(command, positional);
  const admin = await adminOf(command);
  const groupIds = named === undefined ? (await admin.listGroups()).map(({ groupId }) => groupId) : [named];
  const described = await admin.describeGroups(groupIds);
  await printFormatted(options, named === undefined ? described : described[0], () => {
    for (const [at, group] of described.entries()) printDescription(group, options, at > 0);
  });
}

function printDescription(group: GroupDescription, options: DescribeOptions, isFurther: boolean): void {
  if (isFurther) printLine('');
  if (group.subscription) noteSubscription(group.groupId, group.subscription);
  else if (group.members === 0 && !options.state) console.error(`rivulet: note: group ${group.groupId} has no members`);
  if (options.state) describeState(group);
  else if (options.members) describeMembers(group, options.verbose ?? false);
  else describeOffsets(group);
}

/** A subscription has no members: the records are delivered to its target. */
function noteSubscription(
  groupId: string,
  { state, pausedReason }: NonNullable<GroupDescription['subscription']>,
): void {
  const reason = pausedReason === undefined ? '' : `: ${pausedReason}`;
  console.error(`rivulet: note: group ${groupId} has a subscription, state ${state}${reason}`);
  console.error(`rivulet: note: \`rivulet subscriptions describe ${groupId}\` shows what fails`);
}

// --- delete

function addDelete(groups: Command): void {
  groups
    .command('delete')
    .description('delete groups that have no members, and their offsets')
    .argument('[groups...]')
    .option('--group <group>', 'a group to delete, the same as the argument; repeatable', nameList)
    .option('--if-exists', 'succeed also if a group does not exist')
    .addHelpText('after', '\nExample:\n  rivulet groups delete billing audit --if-exists')
    .action(remove);
}

async function remove(
  positional: readonly string[],
  { group = [], ifExists = false }: { group?: readonly string[]; ifExists?: boolean },
  command: Command,
): Promise<void> {
  const groupIds = [...positional, ...group];
  if (groupIds.length === 0) command.error('rivulet: the group is missing: name it, or give --group');
  for (const groupId of groupIds) checkPlainGroupId(groupId);
  const admin = await adminOf(command);
  for (const groupId of groupIds) await removeOne(admin, groupId, ifExists);
}

/** Reports a group that cannot be deleted, and lets the command go on with the others. */
async function removeOne(admin: Admin, groupId: string, ifExists: boolean): Promise<void> {
  try {
    await admin.deleteGroups([groupId]);
    printLine(`Group ${groupId}: deleted`);
  } catch (error) {
    if (ifExists && hasErrorCode(error, 'GROUP_ID_NOT_FOUND')) return;
    reportFailure(error);
    process.exitCode = 1;
  }
}

const adminOf = async (command: Command): Promise<Admin> => (await connect(command)).admin();
