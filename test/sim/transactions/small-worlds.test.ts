// This runs every single fault of the small worlds of transactions, and some pairs. `npm run prove` runs every pair.
import { testSample } from '../core/sample.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';

testSample('sim:transactions', smallTransactionsWorlds, { every: 1, pairs: 5 });
