// The function that looks after the groups once an hour. It closes dead members and removes old offsets and groups when no
// member's heartbeat does so, and reports how far each group is behind. Then it looks for retention that is due more often
// than daily. It neither reads nor writes objects.
import { createGroups } from '../lib/group/create-groups.ts';
import { upgradeDelayMs } from '../lib/maintenance/tools.ts';
import { lookAround } from '../lib/maintenance/upkeep.ts';
import { metricsPerTopic, offsetsRetentionMinutes, openContext, serviceName, tendFunction } from './environment.ts';
import type { LambdaContext } from './gateway.ts';
import { invoke } from './invoke.ts';
import { createLagHandler } from './lag-handler.ts';

const context = openContext();
const tend = tendFunction();

const lookAtGroups = createLagHandler(createGroups(context), {
  service: serviceName(),
  perGroup: metricsPerTopic(),
  offsetsRetentionMinutes: offsetsRetentionMinutes(),
});

/** Retention that is due is looked for also if the groups could not be looked after. */
export async function handler(event: unknown, lambda: LambdaContext) {
  try {
    return await lookAtGroups(event, lambda);
  } finally {
    const tools = {
      ...context,
      mergeDelayMs: upgradeDelayMs,
      isOver: () => lambda.getRemainingTimeInMillis() < 10_000,
    };
    if (tend !== undefined) await lookAround(tools, (errand) => invoke(tend, { errand }), true);
  }
}
