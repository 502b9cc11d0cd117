// The function that reads records: apart from the others, so that consumers who wait take nothing from producers.
import { fetchOperations } from '../fetch.ts';
import { openEngine } from './environment.ts';
import { handlerFor } from './handler.ts';

export const handler = handlerFor(fetchOperations(openEngine()));
