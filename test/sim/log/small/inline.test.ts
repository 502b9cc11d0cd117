import { testSample } from '../../core/sample.ts';
import { inlineWorlds } from './worlds.ts';

testSample('sim', inlineWorlds, { every: 59, pairs: 5 });
