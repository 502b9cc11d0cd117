// The targets of this deployment. IAM decides which functions and queues the roles may use: those of `pushTargets`, and those
// whose own policies let the roles in.
//
// Invariant: a client of the API names only targets of `pushTargets`. IAM alone would also let it name a function that let the
// roles in for somebody else's subscription, because all subscriptions share the roles.
import type { PushTargets } from '../../lib/api/push.ts';
import { createTargets } from '../../lib/push/delivery/targets.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { bootstrapServers } from '../environment.ts';
import { createFunctions } from './functions.ts';
import { createQueues } from './queues.ts';

/** @param allowed The ARNs that a new setting may name. `*` stands for any text. Deliveries go wherever a setting says. */
export const openTargets = (allowed: readonly string[]): PushTargets =>
  createTargets({
    network: { local: false },
    bootstrapServers: bootstrapServers(),
    clock: systemClock,
    functions: createFunctions(allowed),
    queues: createQueues(allowed),
  });

/** For those who deploy: CloudFormation has let them put the rights on the target. */
export const everyArn: readonly string[] = ['*'];
