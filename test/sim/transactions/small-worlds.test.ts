// This runs a sample of the small worlds of transactions. `npm run sim:transactions -- --small all`
// runs every single fault, and `npm run prove` every pair.
import { testSample } from '../core/sample.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';

testSample('sim:transactions', smallTransactionsWorlds, { every: 4, pairs: 5 });
