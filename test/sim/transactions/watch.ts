// Watches the items of transactional ids as they are written: what must never fall does not fall, and no xid comes again.
// It can also refuse commits in one step, as DynamoDB does where another write of a head is in the way.

import { StorageError } from '../../../lib/storage/storage-error.ts';
import type { Check, Key, Table, Write } from '../../../lib/storage/table.ts';
import { parseTransactionItem, type TransactionItem } from '../../../lib/transaction/item.ts';
import { keyOf, through, writesOf } from '../core/through.ts';
import { type History, lifeName } from './history.ts';

export type Watch = {
  readonly history: History;
  /** The probability that a commit in one step is refused. */
  readonly conflicts: number;
  chance(probability: number): boolean;
  readonly complaints: string[];
};

const isOfId = ({ pk, sk }: Key) => pk.startsWith('txn/') && sk === 'x';
const appendsToHead = (action: Write | Check) =>
  action.kind === 'update' && action.key.sk === 'h' && action.update.append !== undefined;

export function watched(table: Table, { history, conflicts, chance, complaints }: Watch): Table {
  const newest = new Map<string, TransactionItem>();
  const used = new Map<number, string>();
  return through(table, async (call, act) => {
    const actions = writesOf(call);
    const isOneStep = call.kind === 'transact' && actions.some(appendsToHead);
    if (isOneStep && chance(conflicts)) throw new StorageError('conflict', 'another write of a head');
    const result = await act();
    for (const key of actions.map(keyOf).filter(isOfId)) {
      const stored = await table.get(key, { strong: true });
      const before = newest.get(key.pk);
      const after = stored && parseTransactionItem(stored);
      if (after) newest.set(key.pk, after);
      if (after) complaints.push(...judge(before, after, used));
      if (after) note(history, after);
    }
    return result;
  });
}

function judge(before: TransactionItem | undefined, after: TransactionItem, used: Map<number, string>): string[] {
  const { xid, transactionalId: id, number } = after;
  if (before?.xid !== xid) {
    const isUsed = used.has(xid);
    used.set(xid, id);
    return isUsed ? [`an xid comes again: ${xid} of ${id}`] : [];
  }
  if (number < before.number) return [`k fell: from ${before.number} to ${number} of ${id}`];
  const goesOn = before.producerId === after.producerId && before.producerEpoch === after.producerEpoch;
  if (number > before.number && !goesOn) return [];
  return Object.entries(before.nextSequences)
    .filter(([where, sequence]) => (after.nextSequences[where] ?? 0) < sequence)
    .map(([where]) => `q fell: at ${where} of transaction ${number} of ${id}`);
}

function note(history: History, { transactionalId: id, producerId, xid, state, number }: TransactionItem): void {
  history.lives.set(lifeName(id, producerId), xid);
  if (state !== 'd') return;
  const one = history.transactions.find(
    (each) => each.id === id && each.number === number && each.producerId === producerId,
  );
  if (one) history.decided.add(one.name);
}
