// The function that reads records: apart from the others, so that consumers who wait take nothing from producers.

import { fetchOperations } from '../http/operations/fetch.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { openContext } from './environment.ts';
import { handlerFor } from './handler.ts';

export const handler = handlerFor(fetchOperations(logEngine(openContext())));
