// This runs some seeds of each kind of random world of transactions. More are run by hand: npm run sim:transactions,
// npm run prove (docs/CHECKING.md).
import { expect, test } from 'vitest';
import { runTransactionsWorld, type TransactionsWorldOptions } from './world.ts';
import { transactionsWorlds } from './worlds.ts';

const seeds = 4;

test.each(Object.keys(transactionsWorlds) as (keyof typeof transactionsWorlds)[])(
  `%s: ${seeds} worlds`,
  { timeout: 120_000 },
  async (name) => {
    const world: Omit<TransactionsWorldOptions, 'seed'> = transactionsWorlds[name];
    for (let seed = 1; seed <= seeds; seed++) {
      const { complaints, history } = await runTransactionsWorld({ ...world, seed });
      expect(complaints, `npm run sim:transactions -- --world '${name}' --seed ${seed}`).toEqual([]);
      expect(history.transactions.length).toBeGreaterThan(8);
    }
  },
);
