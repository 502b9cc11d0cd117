// This is the library with one thing changed. Each guard is taken out in turn, to see that a world notices.
import { createEngine } from '../../../lib/engine.ts';
import type { GroupCommitOptions } from '../../../lib/log/group-commit.ts';
import { compact } from '../../../lib/maintenance/compact.ts';
import { join } from '../../../lib/maintenance/join.ts';
import { merge } from '../../../lib/maintenance/merge.ts';
import { cleanPages } from '../../../lib/maintenance/pages.ts';
import { retain } from '../../../lib/maintenance/retain.ts';
import { sweep } from '../../../lib/maintenance/sweep.ts';
import { tend } from '../../../lib/maintenance/tend.ts';
import { createDispatcher, createSubscriptions } from '../../../lib/push/create-subscriptions.ts';
import { route } from '../../../lib/push/route.ts';
import { retryingTable } from '../../../lib/storage/retry.ts';
import { type ChangeOfFile, changedModule } from './change-plugin.ts';

/** The parts of the library that worlds use. */
export const realLib = {
  ...{ createEngine, retryingTable, merge, join, cleanPages, retain, compact, sweep, tend },
  ...{ createSubscriptions, createDispatcher, route },
};

export type Lib = typeof realLib;

/** Makes engines with group commit, if options for it are given. */
export const withGroupCommit = (
  newEngine: typeof createEngine,
  groupCommit: GroupCommitOptions | undefined,
): typeof createEngine => (groupCommit ? (ports) => newEngine({ ...ports, groupCommit }) : newEngine);

const fileOf: Readonly<Record<keyof Lib, string>> = {
  createEngine: 'lib/engine.ts',
  retryingTable: 'lib/storage/retry.ts',
  merge: 'lib/maintenance/merge.ts',
  join: 'lib/maintenance/join.ts',
  cleanPages: 'lib/maintenance/pages.ts',
  retain: 'lib/maintenance/retain.ts',
  compact: 'lib/maintenance/compact.ts',
  sweep: 'lib/maintenance/sweep.ts',
  tend: 'lib/maintenance/tend.ts',
  createSubscriptions: 'lib/push/create-subscriptions.ts',
  createDispatcher: 'lib/push/create-subscriptions.ts',
  route: 'lib/push/route.ts',
};

/** Throws when the code to change is not in its file exactly once: the file has changed, and the list must follow. */
export async function mutated(change: ChangeOfFile): Promise<Lib> {
  const load = async ([name, file]: [string, string]) => {
    const module = (await import(changedModule(file, change))) as Readonly<Record<string, unknown>>;
    return [name, module[name]];
  };
  return Object.fromEntries(await Promise.all(Object.entries(fileOf).map(load)));
}
