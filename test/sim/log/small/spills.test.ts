// This runs a sample of the small worlds of the log in which the tail spills.
import { testSample } from '../../core/sample.ts';
import { spillWorlds } from './worlds.ts';

testSample('sim', spillWorlds, { every: 11, pairs: 8 });
