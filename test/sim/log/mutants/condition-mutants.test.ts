// The guards of who may append: each is missed when it is taken out.
import { conditionMutants } from './condition-mutants.ts';
import { testMutants } from './noticed.ts';

testMutants(conditionMutants);
