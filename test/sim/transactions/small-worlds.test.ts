// This runs every single fault of the small worlds of transactions, and some pairs. The worlds with members take twice as long as
// the others, so only a sample of them runs. `npm run prove` runs all of it, and every pair.
import { testSample } from '../core/sample.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';

const hasMembers = ({ name }: { readonly name: string }) => name.startsWith('another member');

testSample(
  'sim:transactions',
  smallTransactionsWorlds.filter((world) => !hasMembers(world)),
  { every: 1, pairs: 5 },
);
testSample('sim:transactions', smallTransactionsWorlds.filter(hasMembers), { every: 11, pairs: 3 });
