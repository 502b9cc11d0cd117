// Each guard of the index, and of a topic's life, is taken out in turn, and a world notices.
import { indexMutants } from './index-mutants.ts';
import { testMutants } from './noticed.ts';
import { topicMutants } from './topic-mutants.ts';

testMutants([...indexMutants, ...topicMutants]);
