// The function that reads records: apart from the others, so that consumers who wait take nothing from producers.

import { fetchOperations } from '../http/operations/fetch.ts';
import { logEngine } from '../lib/log/log-engine.ts';
import { openParts } from './environment.ts';
import { handlerFor } from './handler.ts';

export const handler = handlerFor(fetchOperations(logEngine(openParts())));
