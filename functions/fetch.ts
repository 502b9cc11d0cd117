// The function that reads records. It is separate from the others, so that waiting consumers take nothing from producers.

import { fetchOperations } from '../http/operations/fetch.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { openContext } from './environment.ts';
import { handlerFor } from './handler.ts';

export const handler = handlerFor(fetchOperations(logEngine(openContext())));
