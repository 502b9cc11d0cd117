// Applies a decided transaction: its runs go to each head, one plain update each, and then the item says that it is over.
// Any process may do this, several at a time, and any of them may die: the outcome is fixed since the decision.
//
// Invariant: a head takes a transaction once. While its runs, or later ones of the id, are in the tail, `p` remembers the
// number of the transaction. After that, only tail and pages tell, so they are searched first, and the item is read again
// after the search: a process that slept would find no page any more, and would append the runs once more.

import type { GroupContext } from '../group/context.ts';
import { partitionName } from '../log/context.ts';
import { spillIfLarge } from '../log/spill.ts';
import { type Entry, encodeEntry } from '../partition/entry.ts';
import { deletedFence, type Head, parseHead, producerAttribute } from '../partition/head.ts';
import { readMaintenanceItem } from '../partition/maintenance-item.ts';
import { type PageAddress, pagesBetween } from '../partition/page.ts';
import { inParallel } from '../runtime/concurrency.ts';
import { headKey, transactionKey } from '../storage/keys.ts';
import { absent, all, any, atMost, below, type Condition, type Update } from '../storage/table.ts';
import { endUpdate, inTransaction, isInState, readTransaction, type TransactionItem } from './item.ts';
import { producerGoingOn } from './producer-after.ts';
import { beingEnded } from './refusals.ts';
import { type HeadRuns, headRunsOf, stagedRuns } from './staged-runs.ts';

export const headsAtOnce = 32;
const tries = 20;

/** Heads by the names of their partitions, as they were before the transaction was decided. */
export type HeadsBefore = ReadonlyMap<string, Head>;

/** Applies the decided transaction of the item to all heads, and ends it. */
export async function rollForward(
  context: GroupContext,
  item: TransactionItem,
  before: HeadsBefore = new Map(),
): Promise<void> {
  const { heads } = await headRunsOf(item, await stagedRuns(context.table, item), item.indexObjects);
  await inParallel(heads, headsAtOnce, (runs) => applyTo(context, item, runs, before.get(partitionName(runs.address))));
  await finish(context, item, heads);
}

async function finish(context: GroupContext, item: TransactionItem, written: readonly HeadRuns[]): Promise<void> {
  await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: endUpdate(item, 'committed', await producerGoingOn(context, item), context.clock.now(), written),
    if: all(inTransaction(item), isInState('d')),
  });
}

/** Nothing of the transaction lies below the end of the head `before`. So that copy needs no search, and no reading. */
async function applyTo(context: GroupContext, item: TransactionItem, runs: HeadRuns, before?: Head): Promise<void> {
  if (before && (await send(context, item, runs, before.next))) return;
  for (let attempt = 0; attempt < tries; attempt++) {
    const head = await context.log.heads.read(runs.address);
    // The topic was deleted after the decision: nobody reads its records any more. Each head was there when it was staged for.
    const isClosed = !head || head.fence === deletedFence;
    if (isClosed) return;
    const resident = appliedNumber(head, item.xid);
    if (resident !== undefined && resident >= item.number) return;
    if (resident === undefined) {
      if (await isInLog(context, runs.address, head, item)) return;
      if (!(await isStillDecided(context, item))) return;
    }
    if (await send(context, item, runs, head.next)) return;
  }
  throw beingEnded(item);
}

async function send(context: GroupContext, item: TransactionItem, runs: HeadRuns, lookedUp: number): Promise<boolean> {
  const result = await context.table.write({
    kind: 'update',
    key: headKey(runs.address.topicId, runs.address.partition),
    update: applyingUpdate(item, runs),
    if: mayApply(item, lookedUp),
  });
  if (!result.applied) return false;
  const head = parseHead(result.item!);
  context.log.heads.remember(runs.address, head);
  await spillIfLarge(context.log, runs.address, head);
  return true;
}

/** The number of the newest transaction of the id that the head remembers. It has the form of a producer's state. */
function appliedNumber(head: Head, xid: number): number | undefined {
  const known = head.producer(xid);
  return known && known.epoch * 2 ** 32 + known.nextSequence;
}

async function isInLog(
  { table }: GroupContext,
  address: PageAddress,
  head: Head,
  { xid, number }: TransactionItem,
): Promise<boolean> {
  const isOurs = ({ entry }: { entry: Entry }) => entry.transaction?.xid === xid && entry.transaction.number >= number;
  if (head.tail.some(isOurs)) return true;
  const { historyFloor } = await readMaintenanceItem(table, address);
  for await (const page of pagesBetween(table, address, historyFloor, head.tailBase, { reverse: true, limit: 100 }))
    if (page.entries.some(isOurs)) return true;
  return false;
}

async function isStillDecided({ table }: GroupContext, { transactionalId, xid, number }: TransactionItem) {
  const now = await readTransaction(table, transactionalId);
  return now?.xid === xid && now.number === number && now.state === 'd';
}

function mayApply({ xid, number }: TransactionItem, lookedUp: number): Condition {
  const resident = ['p', producerAttribute(xid)] as const;
  const isOpen = below('g', deletedFence);
  const isNext = below(resident, encodeNumber(number));
  const notResident = absent(resident);
  // Entries that were appended after the lookup are still in the tail, so the head would remember a transaction of the id.
  const notEvicted = atMost('b', lookedUp);
  return all(isOpen, any(isNext, all(notResident, notEvicted)));
}

function applyingUpdate(item: TransactionItem, runs: HeadRuns): Update {
  const update = appendingUpdate(runs);
  return { ...update, set: [[['p', producerAttribute(item.xid)], encodeNumber(item.number)]] };
}

export const appendingUpdate = ({ entries, records, bytes }: HeadRuns): Update => ({
  append: [['t', entries.map(encodeEntry)]],
  add: [
    ['n', records],
    ['z', bytes],
  ],
});

/** Six bytes, so that comparing the bytes compares the numbers. */
function encodeNumber(number: number): Uint8Array {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(number, 0, 6);
  return new Uint8Array(bytes);
}
