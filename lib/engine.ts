// Puts the engine together over two ports and a clock. Which adapters those are, and which decorators they wear, is
// decided at the composition roots (local/, functions/, tests), never here.
import type { Engine } from './api/engine.ts';
import type { PushPorts } from './api/push.ts';
import { createClassicGroups } from './group/classic/create-classic.ts';
import { createGroups } from './group/create-groups.ts';
import { createLogContext, type LogContext, type Ports, partitionName } from './log/context.ts';
import { describeProducers } from './log/describe-producers.ts';
import { createTopicsFetch } from './log/fetch-topics.ts';
import { logEngine } from './log/log-engine.ts';
import { partitionEnds } from './log/partition-ends.ts';
import { createSegments } from './log/segments.ts';
import { createMaintenance, type MaintenanceOptions } from './maintenance/maintenance.ts';
import { runPass } from './maintenance/pass.ts';
import type { PageAddress } from './partition/page.ts';
import { createDispatcher, createSubscriptions } from './push/create-subscriptions.ts';
import { noTargets } from './push/no-targets.ts';
import { translated } from './storage/outcome.ts';
import { createProducerTransactions } from './transaction/create-producer-transactions.ts';
import { createTransactions } from './transaction/create-transactions.ts';

export type EnginePorts = Ports &
  Partial<Pick<MaintenanceOptions, 'wake' | 'bornMs'>> & {
    /** Default: subscriptions can be looked at, and none can be created. */
    readonly push?: PushPorts;
  };

/** By default this process runs the passes that are asked for, as long as they take. */
export function createEngine(ports: EnginePorts): Engine {
  const log = createLogContext(ports);
  const { wake = here(log), bornMs = 0, push = noTargets } = ports;
  const fetchTopics = createTopicsFetch(log);
  const maintenance = createMaintenance({ ...log, wake, bornMs });
  return {
    ...logEngine(log),
    fetchTopics: (request) => translated(fetchTopics(request), 'read'),
    partitionEnds: (topic, limit) => partitionEnds(log, topic, limit),
    describeProducers: (request) => translated(describeProducers(log, request), 'read'),
    groups: createGroups(log),
    classicGroups: createClassicGroups(log),
    transactions: createTransactions(log),
    producerTransactions: createProducerTransactions(log),
    maintenance,
    segments: createSegments(log),
    subscriptions: createSubscriptions(log, push),
    dispatcher: createDispatcher(log, push),
  };
}

/** Nothing but the pass itself tells of its failure: its item does. */
const here = (log: LogContext): MaintenanceOptions['wake'] => {
  const { objects, table, clock, notifications } = log;
  const tools = {
    ...{ objects, table, clock, isOver: () => false, mergeDelayMs: 0, maySweep: true, tableName: 'the only one' },
    onLogStart: (address: PageAddress) => notifications.announce(partitionName(address)),
  };
  return async (pass) => void runPass(tools, pass).catch(() => undefined);
};
