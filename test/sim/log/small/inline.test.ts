import { testSample } from '../../core/sample.ts';
import { inlineWorlds } from './worlds.ts';

testSample('sim', inlineWorlds, { every: 113, pairs: 3 });
