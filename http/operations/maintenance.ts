// Maintenance: start a pass over a topic or over all topics, and see how far it is. A pass takes longer than a request may,
// so the caller polls.
import type { Maintenance, MaintenancePass } from '../../lib/api/maintenance.ts';
import { defined } from '../defined.ts';
import { json, type Operation, operation } from '../operation.ts';
import { maintenancePass } from '../schemas/maintenance-replies.ts';
import { maintenanceBody, topicPath } from '../schemas/schemas.ts';

type WithMaintenance = { readonly maintenance: Maintenance };

const OF_ALL = '/v1/maintenance';
const OF_TOPIC = '/v1/topics/{topic}/maintenance';

export function maintenanceOperations(engine: WithMaintenance): Operation[] {
  return [startOfTopic(engine), lastOfTopic(engine), startOfAll(engine), lastOfAll(engine)];
}

const startOfTopic = (engine: WithMaintenance) =>
  operation({
    id: 'startTopicMaintenance',
    summary: 'Merge, expire and compact the partitions of a topic. If a pass is at work, the reply is that pass',
    method: 'POST',
    path: OF_TOPIC,
    writes: true,
    pathSchema: topicPath,
    bodySchema: maintenanceBody,
    status: 202,
    replySchema: maintenancePass,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION'],
    run: async ({ path }, body) =>
      json(202, documentOf(await engine.maintenance.start(defined({ topic: path.topic, ...body })))),
  });

const lastOfTopic = (engine: WithMaintenance) =>
  operation({
    id: 'topicMaintenance',
    summary: 'The progress of the last pass over a topic, and its report',
    method: 'GET',
    path: OF_TOPIC,
    pathSchema: topicPath,
    status: 200,
    replySchema: maintenancePass,
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_FOUND'],
    run: async ({ path }) => json(200, documentOf(await engine.maintenance.last({ topic: path.topic }))),
  });

const startOfAll = (engine: WithMaintenance) =>
  operation({
    id: 'startMaintenance',
    summary: 'Do the same for all topics, and then delete the objects that nothing names',
    method: 'POST',
    path: OF_ALL,
    writes: true,
    bodySchema: maintenanceBody,
    status: 202,
    replySchema: maintenancePass,
    errors: [],
    run: async (_, body) => json(202, documentOf(await engine.maintenance.start(defined(body)))),
  });

const lastOfAll = (engine: WithMaintenance) =>
  operation({
    id: 'maintenance',
    summary: 'The progress of the last pass over all topics, and its report',
    method: 'GET',
    path: OF_ALL,
    status: 200,
    replySchema: maintenancePass,
    errors: ['NOT_FOUND'],
    run: async () => json(200, documentOf(await engine.maintenance.last({}))),
  });

function documentOf({ requestedMs, progressMs, ...pass }: MaintenancePass) {
  return { ...pass, requestedAt: requestedMs, progressAt: progressMs };
}
