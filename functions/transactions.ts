// The function that begins, commits and aborts transactions. Any number of instances may run: the state of a transactional id
// is one item of the table.

import { transactionOperations } from '../http/operations/transactions.ts';
import { createTransactions } from '../lib/transaction/create-transactions.ts';
import { openContext } from './environment.ts';
import { handlerFor } from './handler.ts';

export const handler = handlerFor(transactionOperations({ transactions: createTransactions(openContext()) }));
