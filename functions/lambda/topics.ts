// The function that makes, describes, changes and deletes topics, and looks up their offsets.
import { logEngine } from '../../lib/log-engine.ts';
import { offsetOperations } from '../offsets.ts';
import { topicOperations } from '../topics.ts';
import { openParts } from './environment.ts';
import { handlerFor } from './handler.ts';

const engine = logEngine(openParts());

export const handler = handlerFor([...topicOperations(engine), ...offsetOperations(engine)]);
