// This is the library with one thing changed. Each guard is taken out in turn, to see that a world notices.
import { createEngine } from '../../../lib/engine.ts';
import { sweep } from '../../../lib/maintenance/sweep.ts';
import { retryingTable } from '../../../lib/storage/retry.ts';
import { type ChangeOfFile, changedModule } from './change-plugin.ts';

/** The parts of the library that worlds use. */
export type Lib = {
  readonly createEngine: typeof createEngine;
  readonly retryingTable: typeof retryingTable;
  readonly sweep: typeof sweep;
};

export const realLib: Lib = { createEngine, retryingTable, sweep };

/** Throws when the code to change is not in its file exactly once: the file has changed, and the list must follow. */
export async function mutated(change: ChangeOfFile): Promise<Lib> {
  const load = async (file: string) => (await import(changedModule(file, change))) as Lib;
  const { createEngine } = await load('lib/engine.ts');
  const { retryingTable } = await load('lib/storage/retry.ts');
  const { sweep } = await load('lib/maintenance/sweep.ts');
  return { createEngine, retryingTable, sweep };
}
