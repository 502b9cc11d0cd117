// ListTransactions (66). Lists transactional ids.
//
// Versions 0 and 1; version 1 can ask for transactions that have been open for a while. Version 2 takes a regular expression
// from the client, and is not offered.
import type { TransactionDescription } from '../../lib/api/transactions.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, readCode } from '../errors.ts';
import { startOf, stateName, stateNames } from '../transaction-states.ts';

type Request = {
  readonly stateFilters: readonly string[];
  readonly producerIdFilters: readonly number[];
  readonly durationFilter: number;
};

type Reply = {
  readonly errorCode: number;
  readonly unknownStateFilters: readonly string[];
  readonly transactionStates: readonly {
    readonly transactionalId: string;
    readonly producerId: number;
    readonly transactionState: string;
  }[];
};

const pageIds = 1_000;

export const listTransactions = defineApi<Request, Reply>({
  key: 66,
  versions: [0, 1],
  overlaps: true,
  async answer(gateway, request) {
    const unknownStateFilters = request.stateFilters.filter((name) => !stateNames.includes(name));
    try {
      const all = await allTransactions(gateway);
      const transactionStates = all.filter(filterOf(request, Date.now())).map((one) => ({
        transactionalId: one.transactionalId,
        producerId: one.producerId,
        transactionState: stateName(one),
      }));
      return { errorCode: code.none, unknownStateFilters, transactionStates };
    } catch (error) {
      return { errorCode: readCode(error), unknownStateFilters, transactionStates: [] };
    }
  },
});

/** An empty filter lets everything pass. */
function filterOf({ stateFilters, producerIdFilters, durationFilter }: Request, nowMs: number) {
  const states = new Set(stateFilters);
  const producers = new Set(producerIdFilters);
  const isLong = (one: TransactionDescription) => startOf(one) >= 0 && nowMs - startOf(one) > durationFilter;
  return (one: TransactionDescription): boolean =>
    (states.size === 0 || states.has(stateName(one))) &&
    (producers.size === 0 || producers.has(one.producerId)) &&
    (durationFilter < 0 || isLong(one));
}

async function allTransactions({ engine }: Gateway): Promise<TransactionDescription[]> {
  const all: TransactionDescription[] = [];
  for (let after: string | undefined; ; ) {
    const page = await engine.transactions.list({ limit: pageIds, ...(after !== undefined && { after }) });
    all.push(...page.transactions);
    if (page.nextAfter === undefined) return all;
    after = page.nextAfter;
  }
}
