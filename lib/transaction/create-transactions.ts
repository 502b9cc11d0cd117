// Puts transactions together behind their interface. It keeps nothing: any process may serve any transaction.
import type { Transactions } from '../api/transactions.ts';
import type { LogContext } from '../log/context.ts';
import { translated } from '../storage/outcome.ts';
import { abort, commit } from './commit.ts';
import { newHotHeads } from './context.ts';
import { createStaging } from './create-staging.ts';
import { describeTransaction, forceAbort, listTransactions } from './describe.ts';
import { tendTransactions } from './expire.ts';
import { init } from './init.ts';

export function createTransactions(log: LogContext): Transactions {
  const { table, clock, topics } = log;
  const context = { table, clock, topics, log, hotHeads: newHotHeads(clock) };
  return {
    ...createStaging(log),
    init: (request) => translated(init(context, request), 'write'),
    commit: (request) => translated(commit(context, request), 'write'),
    abort: (request) => translated(abort(context, request), 'write'),
    forceAbort: (transactionalId) => translated(forceAbort(context, transactionalId), 'write'),
    describe: (transactionalId) => translated(describeTransaction(context, transactionalId), 'read'),
    list: (request) => translated(listTransactions(context, request), 'read'),
    tend: (isOver) => translated(tendTransactions(context, isOver), 'write'),
  };
}
