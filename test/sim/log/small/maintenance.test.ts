import { testSample } from '../../core/sample.ts';
import { maintenanceWorlds } from './worlds.ts';

testSample('sim', maintenanceWorlds, { every: 59, pairs: 5 });
