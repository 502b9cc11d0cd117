// Each guard of the answer is taken out in turn, and a world notices.
import { answerMutants } from './answer-mutants.ts';
import { testMutants } from './noticed.ts';

testMutants(answerMutants);
