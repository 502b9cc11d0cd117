// Transactions: begin as a new instance, commit, abort, look. Records and offsets are added by produce requests and offset
// commits that name the transaction in a header, so that their paths decide who may write where.
import type {
  EndedTransaction,
  TransactionDescription,
  TransactionRef,
  Transactions,
} from '../../lib/api/transactions.ts';
import { defined } from '../defined.ts';
import type { HttpResult } from '../http-event.ts';
import { type Call, json, type Operation, operation } from '../operation.ts';
import { parse, withoutSecret } from '../parse.ts';
import {
  commitBody,
  endBody,
  ended,
  initBody,
  initialized,
  listTransactionsQuery,
  transactionDescription,
  transactionHeader,
  transactionList,
  transactionPath,
} from '../schemas/transaction-schemas.ts';

type WithTransactions = { readonly transactions: Transactions };

const PATH = '/v1/transactions/{id}';
const DEFAULT_PAGE = 100;
const TRANSACTION_HEADER = 'rivulet-transaction';

/** The errors of a request that names a transaction. */
export const transactionErrors = [
  'TRANSACTIONAL_ID_NOT_FOUND',
  'INVALID_TXN_STATE',
  'PRODUCER_FENCED',
  'CONCURRENT_TRANSACTIONS',
] as const;

export function transactionOperations(engine: WithTransactions): Operation[] {
  return [init(engine), commit(engine), abort(engine), forceAbort(engine), describe(engine), list(engine)];
}

/** The transaction that the request belongs to, if it names one. */
export function transactionOf(headers: Call<unknown, unknown>['headers']): TransactionRef | undefined {
  const text = headers[TRANSACTION_HEADER];
  return text === undefined ? undefined : parse(transactionHeader, text, 'header.Rivulet-Transaction', withoutSecret);
}

const init = (engine: WithTransactions) =>
  operation({
    id: 'initTransactions',
    summary: 'Begin as the newest instance of a transactional id. Its open transaction is aborted',
    method: 'POST',
    path: `${PATH}/init`,
    writes: true,
    pathSchema: transactionPath,
    bodySchema: initBody,
    status: 200,
    replySchema: initialized,
    errors: ['INVALID_TRANSACTION_TIMEOUT', 'CONCURRENT_TRANSACTIONS', 'REQUEST_TIMED_OUT'],
    run: async ({ path }, body) =>
      json(200, await engine.transactions.init({ transactionalId: path.id, ...defined(body) })),
  });

const endErrors = [
  ...transactionErrors,
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_PRODUCER_EPOCH',
  'REQUEST_TIMED_OUT',
] as const;

const commit = (engine: WithTransactions) =>
  operation({
    id: 'commitTransaction',
    summary: 'Make all records and offsets of a transaction visible. A repeat gets the same answer',
    method: 'POST',
    path: `${PATH}/commit`,
    writes: true,
    pathSchema: transactionPath,
    bodySchema: commitBody,
    status: 200,
    replySchema: ended,
    errors: [...endErrors, 'CORRUPT_LOG'],
    run: async ({ path }, { transaction, token, offsets }) =>
      endedReply(
        await engine.transactions.commit({
          in: { transactionalId: path.id, transaction, token },
          ...defined({ offsets }),
        }),
      ),
  });

const abort = (engine: WithTransactions) =>
  operation({
    id: 'abortTransaction',
    summary: 'Drop all records and offsets of a transaction. A repeat gets the same answer',
    method: 'POST',
    path: `${PATH}/abort`,
    writes: true,
    pathSchema: transactionPath,
    bodySchema: endBody,
    status: 200,
    replySchema: ended,
    errors: endErrors,
    run: async ({ path }, body) =>
      endedReply(await engine.transactions.abort({ in: { transactionalId: path.id, ...body } })),
  });

const forceAbort = (engine: WithTransactions) =>
  operation({
    id: 'forceAbortTransaction',
    summary: 'Abort the open transaction of an id without its token, and fence its instance',
    method: 'POST',
    path: `${PATH}/force-abort`,
    writes: true,
    pathSchema: transactionPath,
    status: 200,
    replySchema: transactionDescription,
    errors: [...endErrors, 'CORRUPT_LOG'],
    run: async ({ path }) => json(200, documentOf(await engine.transactions.forceAbort(path.id))),
  });

const describe = (engine: WithTransactions) =>
  operation({
    id: 'describeTransaction',
    summary: 'Describe a transactional id and its current transaction',
    method: 'GET',
    path: PATH,
    pathSchema: transactionPath,
    status: 200,
    replySchema: transactionDescription,
    errors: ['TRANSACTIONAL_ID_NOT_FOUND', 'CORRUPT_LOG'],
    run: async ({ path }) => json(200, documentOf(await engine.transactions.describe(path.id))),
  });

const list = (engine: WithTransactions) =>
  operation({
    id: 'listTransactions',
    summary: 'List transactional ids with their transactions',
    method: 'GET',
    path: '/v1/transactions',
    querySchema: listTransactionsQuery,
    status: 200,
    replySchema: transactionList,
    errors: [],
    run: async ({ query }) => {
      const { transactions, nextAfter } = await engine.transactions.list({ limit: DEFAULT_PAGE, ...defined(query) });
      return json(200, { transactions: transactions.map(documentOf), ...defined({ nextAfter }) });
    },
  });

const endedReply = (reply: EndedTransaction): HttpResult => json(200, reply);

function documentOf<T extends TransactionDescription>({ deadlineMs, lastUsedMs, ...rest }: T) {
  return { ...rest, deadline: deadlineMs, lastUsed: lastUsedMs };
}
