// Puts the engine together over two ports and a clock. Which adapters those are, and which decorators they wear, is
// decided at the composition roots (local/, functions/, tests), never here.
import type { Engine } from './api/engine.ts';
import { createGroups } from './group/create-groups.ts';
import { createLogContext, type Ports } from './log/context.ts';
import { logEngine } from './log/log-engine.ts';
import { createTransactions } from './transaction/create-transactions.ts';

export function createEngine(ports: Ports): Engine {
  const log = createLogContext(ports);
  return { ...logEngine(log), groups: createGroups(log), transactions: createTransactions(log) };
}
