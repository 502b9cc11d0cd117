// This runs a sample of the small worlds of groups.
import { testSample } from '../core/sample.ts';
import { smallGroupWorlds } from './small-worlds.ts';

testSample('sim:groups', smallGroupWorlds, { every: 181, pairs: 4 });
