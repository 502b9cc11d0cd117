// The guards of the index, and of a topic's life: each is missed when it is taken out.
import { indexMutants } from './index-mutants.ts';
import { testMutants } from './noticed.ts';
import { topicMutants } from './topic-mutants.ts';

testMutants([...indexMutants, ...topicMutants]);
