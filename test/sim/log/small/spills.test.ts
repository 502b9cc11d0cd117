// Small worlds of the log in which the tail spills: a sample.
import { testSample } from '../../core/sample.ts';
import { spillWorlds } from './worlds.ts';

testSample('sim', spillWorlds, { every: 11, pairs: 8 });
