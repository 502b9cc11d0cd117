import { testMutants } from './noticed.ts';
import { sweepMutants } from './sweep-mutants.ts';

testMutants(sweepMutants);
