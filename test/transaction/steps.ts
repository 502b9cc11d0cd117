// Tables for tests of transactions: a commit in one step is refused, a process dies at a write, or a call is watched.
import { StorageError } from '../../lib/storage/storage-error.ts';
import type { Table } from '../../lib/storage/table.ts';
import { type Call, through, writesOf } from '../sim/core/through.ts';

export const isApply = (call: Call): boolean =>
  call.kind === 'update' && call.key.sk === 'h' && call.update.append !== undefined;
export const isOfItem = (call: Call): boolean => call.kind === 'update' && call.key.sk === 'x';
export const isOneStep = (call: Call): boolean =>
  call.kind === 'transact' && writesOf(call).some((each) => isApply(each as Call));

/** Refuses these calls, as the given reason says. `seen` is called for each. */
export const refusing = (
  table: Table,
  matches: (call: Call) => boolean,
  reason: StorageError['reason'] = 'denied',
  seen: () => void = () => {},
): Table =>
  through(table, async (call, act) => {
    if (!matches(call)) return act();
    seen();
    throw new StorageError(reason, 'refused by the test');
  });

/** Every commit is decided before it is applied. */
export const deciding = (table: Table): Table => refusing(table, isOneStep, 'conflict');

/** Runs `first` before the first call that matches. */
export function runningBefore(table: Table, matches: (call: Call) => boolean, first: () => Promise<unknown>): Table {
  let isOver = false;
  return through(table, async (call, act) => {
    if (!isOver && matches(call)) {
      isOver = true;
      await first();
    }
    return act();
  });
}
