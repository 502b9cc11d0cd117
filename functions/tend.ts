// The function that merges, expires and compacts. Hints of appends, the daily look and passes invoke it. It may read and
// put objects, but neither list nor delete them.
import { openStorage, serviceName } from './environment.ts';
import { invoke } from './invoke.ts';
import { createTendHandler } from './tend-handler.ts';

export const handler = createTendHandler(openStorage(), serviceName(), invoke);
