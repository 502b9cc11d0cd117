// The produce function, with faults.
import { withFaults } from './faults.ts';

export const handler = await withFaults(() => import('../../../functions/produce.ts'));
