// Small worlds of committed offsets: a sample.
import { testSample } from '../core/sample.ts';
import { smallOffsetsWorlds } from './small-worlds.ts';

testSample('sim:offsets', smallOffsetsWorlds, { every: 16, pairs: 5 });
