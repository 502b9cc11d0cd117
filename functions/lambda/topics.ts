// The function that makes, describes, changes and deletes topics, and looks up their offsets.
import { offsetOperations } from '../offsets.ts';
import { topicOperations } from '../topics.ts';
import { openEngine } from './environment.ts';
import { handlerFor } from './handler.ts';

const engine = openEngine();

export const handler = handlerFor([...topicOperations(engine), ...offsetOperations(engine)]);
