// The fetch function, with faults.
import { withFaults } from './faults.ts';

export const handler = await withFaults(() => import('../../../functions/fetch.ts'));
