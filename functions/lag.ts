// The function that looks after the groups once an hour. It closes dead members and removes old offsets and groups when no
// member's heartbeat does so, and reports how far each group is behind. It neither reads nor writes objects.
import { createGroups } from '../lib/group/create-groups.ts';
import { metricsPerTopic, offsetsRetentionMinutes, openContext, serviceName } from './environment.ts';
import { createLagHandler } from './lag-handler.ts';

const groups = createGroups(openContext());

export const handler = createLagHandler(groups, {
  service: serviceName(),
  perGroup: metricsPerTopic(),
  offsetsRetentionMinutes: offsetsRetentionMinutes(),
});
