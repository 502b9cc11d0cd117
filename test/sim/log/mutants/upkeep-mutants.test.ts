import { testMutants } from './noticed.ts';
import { upkeepMutants } from './upkeep-mutants.ts';

testMutants(upkeepMutants);
