// Each guard of the right to append is taken out in turn, and a world notices.
import { conditionMutants } from './condition-mutants.ts';
import { testMutants } from './noticed.ts';

testMutants(conditionMutants);
