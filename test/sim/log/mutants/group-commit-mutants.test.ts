// Each guard of group commit is taken out in turn, and a world notices.
import { groupCommitMutants } from './group-commit-mutants.ts';
import { testMutants } from './noticed.ts';

testMutants(groupCommitMutants);
