// The topics function, with faults.
import { withFaults } from './faults.ts';

export const handler = await withFaults(() => import('../../../functions/topics.ts'));
