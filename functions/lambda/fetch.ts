// The function that reads records: apart from the others, so that consumers who wait take nothing from producers.
import { logEngine } from '../../lib/log-engine.ts';
import { fetchOperations } from '../fetch.ts';
import { openParts } from './environment.ts';
import { handlerFor } from './handler.ts';

export const handler = handlerFor(fetchOperations(logEngine(openParts())));
