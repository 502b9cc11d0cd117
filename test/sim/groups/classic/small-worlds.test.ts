// This runs a sample of some of the small worlds of the classic protocol. `npm run prove` runs all of them whole.
import { testSample } from '../../core/sample.ts';
import { smallClassicWorlds } from './small-worlds.ts';

const sampled = smallClassicWorlds.filter(({ name }) =>
  /dies|static|cooperative one joins,|heartbeats while/.test(name),
);

testSample('sim:groups', sampled, { every: 181, pairs: 1 });
