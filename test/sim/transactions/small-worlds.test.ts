// This runs a sample of the small worlds of transactions. `npm run prove` runs every single fault, and every pair.
import { testSample } from '../core/sample.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';

const isLong = ({ name }: { readonly name: string }) => name === 'the item spills';

testSample(
  'sim:transactions',
  smallTransactionsWorlds.filter((world) => !isLong(world)),
  { every: 7, pairs: 5 },
);
testSample('sim:transactions', smallTransactionsWorlds.filter(isLong), { every: 43, pairs: 3 });
