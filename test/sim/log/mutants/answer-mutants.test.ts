// The guards of the answer: each is missed when it is taken out.
import { answerMutants } from './answer-mutants.ts';
import { testMutants } from './noticed.ts';

testMutants(answerMutants);
