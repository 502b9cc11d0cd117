// This runs every single fault of the small worlds of transactions, and some pairs. Some worlds take much longer than the others,
// so only a sample of them runs. `npm run prove` runs all of it, and every pair.
import { testSample } from '../core/sample.ts';
import type { SmallWorld } from '../core/worlds.ts';
import { smallTransactionsWorlds } from './small-worlds.ts';

const long = ['the head spills', 'the pages are cleaned', 'a topic is deleted', 'the item spills'];

const hasMembers = ({ name }: SmallWorld) => name.startsWith('another member');
const isLong = ({ name }: SmallWorld) => long.includes(name);

testSample(
  'sim:transactions',
  smallTransactionsWorlds.filter((world) => !hasMembers(world) && !isLong(world)),
  { every: 1, pairs: 5 },
);
testSample('sim:transactions', smallTransactionsWorlds.filter(isLong), { every: 4, pairs: 5 });
testSample('sim:transactions', smallTransactionsWorlds.filter(hasMembers), { every: 11, pairs: 3 });
