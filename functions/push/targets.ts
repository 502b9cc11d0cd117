// The targets of this deployment. IAM decides which functions and queues the roles may use, so that every one may be asked for
// here: those of `pushTargets`, and those whose own policies let the roles in.
import type { PushTargets } from '../../lib/api/push.ts';
import { createTargets } from '../../lib/push/delivery/targets.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { bootstrapServers } from '../environment.ts';
import { createFunctions } from './functions.ts';
import { createQueues } from './queues.ts';

export const openTargets = (): PushTargets =>
  createTargets({
    network: { local: false, allowedBlocks: [] },
    bootstrapServers: bootstrapServers(),
    clock: systemClock,
    functions: createFunctions(['*']),
    queues: createQueues(['*']),
  });
