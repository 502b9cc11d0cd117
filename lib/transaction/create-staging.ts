// The part of transactions that adds to an open one. It is apart from the rest, so that a function that only produces, or
// only serves groups, need not load the code that commits.
import type { Staging } from '../api/transactions.ts';
import type { LogContext } from '../log/context.ts';
import { translated } from '../storage/outcome.ts';
import { stage } from './stage.ts';
import { stageOffsets } from './stage-offsets.ts';
import { stageRecords } from './stage-records.ts';

export function createStaging(log: LogContext): Staging {
  const { table, clock, topics } = log;
  const context = { table, clock, topics, log };
  return {
    stage: (request) => translated(stage(context, request), 'write'),
    stageRecords: (request) => translated(stageRecords(context, request), 'write'),
    stageOffsets: (request) => translated(stageOffsets(context, request), 'write'),
  };
}
