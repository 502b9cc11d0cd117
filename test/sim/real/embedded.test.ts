// The embedded server is killed over and over under the load of every kind of client. Half of the clients use a proxy
// that loses requests and replies. The checker judges what the clients saw.
import { afterAll, expect, test } from 'vitest';
import type { Transaction, History as TransactionsHistory } from '../transactions/history.ts';
import type { RealHome } from './backend.ts';
import { startEmbeddedHome } from './embedded-backend.ts';
import { judge, judgeTransactions } from './judge.ts';
import { summaryOf } from './summary.ts';
import { defaultRealWorld, runRealWorld } from './world.ts';

let backend: RealHome | undefined;
afterAll(() => backend?.close());

/** Appends of one or two records become items, and larger ones objects. */
const inlineMaxBytes = 340;

test('kills and lost replies leave a history without an anomaly', { timeout: 600_000 }, async () => {
  backend = await startEmbeddedHome();
  const result = await runRealWorld(backend, { ...defaultRealWorld, inlineMaxBytes, seconds: 5, kills: 4, faults: 1 });
  console.log(summaryOf(result));
  expect(judge(result)).toEqual([]);
  const { sends } = result.history;
  // Every send that may be repeated was repeated until it was acknowledged.
  const unanswered = sends.filter(
    ({ idempotent, expectedOffset, tries }) =>
      idempotent && expectedOffset === undefined && typeof tries.at(-1) !== 'number',
  );
  expect(unanswered).toEqual([]);
  expect(namesIf(result.transactions, loseRecords)).toContain('part of a transaction is visible');
  expect(namesIf(result.transactions, loseOffset)).toContain('records without offsets');
  expect(namesIf(result.transactions, abortToo)).toContain('aborted data is visible');
});

// The judge notices what was forged in this very history: something that befell its last transaction.
type Forgery = (history: TransactionsHistory, last: Transaction) => void;

function namesIf(history: TransactionsHistory, forge: Forgery): string[] {
  const copy = structuredClone(history);
  forge(copy, copy.transactions.at(-1)!);
  return judgeTransactions(copy).map(({ name }) => name);
}

const loseRecords: Forgery = ({ log }, { batches }) => {
  const { partition, values } = batches[0]!;
  log.set(
    partition,
    log.get(partition)!.filter((value) => !values.includes(value)),
  );
};
const loseOffset: Forgery = ({ offsets }, { offset }) => offsets.set(offset!.partition, offset!.from);
const abortToo: Forgery = (_, { ends }) => void ends.push({ ...ends.at(-1)!, what: 'abort' });
