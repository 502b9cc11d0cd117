import { inlineMutants } from './inline-mutants.ts';
import { testMutants } from './noticed.ts';

testMutants(inlineMutants);
