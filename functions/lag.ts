// The function that looks after the groups once an hour: it closes the dead and removes what is old where no member does it,
// and tells how far each group is behind. It neither reads nor writes an object.
import { createGroups } from '../lib/group/create-groups.ts';
import { metricsPerTopic, offsetsRetentionMinutes, openContext, serviceName } from './environment.ts';
import { createLagHandler } from './lag-handler.ts';

const groups = createGroups(openContext());

export const handler = createLagHandler(groups, {
  service: serviceName(),
  perGroup: metricsPerTopic(),
  offsetsRetentionMinutes: offsetsRetentionMinutes(),
});
