// `rivulet transactions ...` has the commands of kafka-transactions.sh, as far as there is something to do: no transaction
// ever holds up a reader, so none has to be found for that reason.
import type { Command } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import type { TransactionDescription, TransactionDetails } from '../client/admin/transaction-admin.ts';
import { whyInvalidName } from '../lib/topic/name.ts';
import { connect } from './connect.ts';
import { reportFailure } from './failure.ts';
import { type FormatFlags, printFormatted, withFormats } from './formats.ts';
import { duration } from './group-description.ts';
import { printLine, printTable } from './output.ts';
import { ageOf, stateOf } from './transaction-state.ts';

const examples = `
Examples:
  rivulet transactions list
  rivulet transactions list --all --json
  rivulet transactions describe payments-1
  rivulet transactions abort payments-1`;

export function addTransactions(rivulet: Command): void {
  const transactions = rivulet
    .command('transactions')
    .description('list, describe and abort the transactions of producers');
  addList(transactions);
  addDescribe(transactions);
  addAbort(transactions);
  transactions.addHelpText('after', examples);
}

// --- list

const listHelp = `
STATE is one of
  open     something is staged, and no reader sees it
  decided  committed; its process is about to show it in all partitions
  stuck    open or decided for longer than its time-out: its process has probably died. The next instance, or the
           service within an hour, aborts what is open and shows what is decided
  empty    nothing is staged (only with --all)
AGE is the time since the first record was staged. For an empty one it is the time since the last use of its id.
No reader waits for any of them.

Example:
  rivulet transactions list --all`;

function addList(transactions: Command): void {
  withFormats(transactions.command('list'))
    .description('print the transactions that are open, decided or stuck')
    .option('--all', 'also print ids with nothing staged')
    .addHelpText('after', listHelp)
    .action(list);
}

async function list({ all = false, ...flags }: FormatFlags & { all?: boolean }, command: Command): Promise<void> {
  const found = await (await adminOf(command)).listTransactions();
  const wanted = all ? found : found.filter(({ state }) => state !== 'empty');
  await printFormatted(flags, wanted, () => printTable(headings, wanted.map(rowOf)));
}

const headings = ['TRANSACTIONAL-ID', 'STATE', 'AGE', 'TRANSACTION', 'BATCHES', 'GROUPS'];

const rowOf = (one: TransactionDescription): (string | number)[] => [
  ...[one.transactionalId, stateOf(one, Date.now()), duration(ageOf(one, Date.now()))],
  ...[one.transaction, one.batches, one.groups.join(',') || '-'],
];

// --- describe

function addDescribe(transactions: Command): void {
  withFormats(transactions.command('describe'))
    .description('print the current transaction of an id with its partitions, and how the last one ended')
    .argument('<ids...>')
    .addHelpText('after', '\nExample:\n  rivulet transactions describe payments-1')
    .action(describe);
}

async function describe(ids: readonly string[], flags: FormatFlags, command: Command): Promise<void> {
  ids.forEach(checkId);
  const found = await (await adminOf(command)).describeTransactions(ids);
  await printFormatted(flags, found, () => printDetails(found));
}

function printDetails(found: readonly TransactionDetails[]): void {
  printTable([...headings, ...moreHeadings], found.map(longRowOf));
  const rows = found.flatMap(({ transactionalId, partitions }) =>
    partitions.map((of) => [transactionalId, of.topic ?? of.topicId, of.partition, of.batches, of.records]),
  );
  if (rows.length === 0) return;
  printLine('');
  printTable(['TRANSACTIONAL-ID', 'TOPIC', 'PARTITION', 'BATCHES', 'RECORDS'], rows);
}

const moreHeadings = ['PRODUCER-ID', 'EPOCH', 'TIMEOUT', 'LAST-TRANSACTION'];

const longRowOf = (one: TransactionDescription): (string | number)[] => [
  ...rowOf(one),
  ...[one.producerId, one.producerEpoch, duration(one.timeoutMs)],
  one.last ? `${one.last.transaction} ${one.last.outcome}` : '-',
];

// --- abort

const abortHelp = `
This ends the open transaction of an id without its token, and fences the instance that began it, even if that instance is
alive: its next request fails with PRODUCER_FENCED. A decided transaction cannot be aborted any more. Its commit is
completed instead.

Example:
  rivulet transactions abort payments-1`;

function addAbort(transactions: Command): void {
  transactions
    .command('abort')
    .description('abort the open transaction of an id, and fence its instance')
    .argument('<ids...>')
    .addHelpText('after', abortHelp)
    .action(abort);
}

async function abort(ids: readonly string[], _options: unknown, command: Command): Promise<void> {
  ids.forEach(checkId);
  const admin = await adminOf(command);
  for (const id of ids) await abortOne(admin, id);
}

/** Reports an id whose transaction cannot be aborted, and lets the command go on with the others. */
async function abortOne(admin: Admin, id: string): Promise<void> {
  try {
    const [before] = await admin.describeTransactions([id]);
    const after = await admin.abortTransaction(id);
    printLine(`Transactional id ${id}: ${done(before!, after)}; its instance is fenced`);
  } catch (error) {
    reportFailure(error);
    process.exitCode = 1;
  }
}

function done({ state, transaction }: TransactionDescription, { last }: TransactionDescription): string {
  if (state === 'decided') return `transaction ${transaction} was decided, and is committed`;
  return state === 'empty' ? 'no transaction was open' : `transaction ${last!.transaction} is aborted`;
}

/** Throws the same error as the service would, but with the name as it was typed. */
function checkId(id: string): void {
  const reason = whyInvalidName(id);
  if (reason) throw new Error(`transactional id: ${JSON.stringify(id)} ${reason}`);
}

const adminOf = async (command: Command): Promise<Admin> => (await connect(command)).admin();
