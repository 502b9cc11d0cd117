// Begins the work of a new instance of a transactional id, and ends that of the earlier one: its open transaction is
// aborted, and none of its requests can act any more. A transaction that is already decided is applied first.
//
// Invariant: an xid is used by one transactional id for one life. The listing takes it before the item does, the item is made
// only while the listing has it, and both leave in one step (expire.ts). Otherwise an xid would come again with its numbers,
// and what is committed then would be taken for applied.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { invalid, refused } from '../api/refusal.ts';
import type { InitializedTransactions, InitTransactions } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { firstTransactionalId, newProducerId } from '../producer/ids.ts';
import { itemVersion, transactionKey, transactionListingKey, xidsKey } from '../storage/keys.ts';
import { absent, all, equals, type Item } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import { whyInvalidName } from '../topic/name.ts';
import { rollForward } from './apply.ts';
import {
  endUpdate,
  hashOfToken,
  inTransaction,
  isEmpty,
  isInState,
  newTransactionItem,
  parseTransactionItem,
  readTransaction,
  type TransactionItem,
} from './item.ts';
import { producerAfter } from './producer-after.ts';
import { removeListing } from './remove-listing.ts';

const tries = 8;

type Instance = { readonly token: string; readonly tokenHash: Uint8Array; readonly timeoutMs: number };

export async function init(context: GroupContext, request: InitTransactions): Promise<InitializedTransactions> {
  checkTransactionalId(request.transactionalId);
  const token = Buffer.from(context.clock.randomBytes(16)).toString('base64url');
  const instance = { token, tokenHash: hashOfToken(token), timeoutMs: checkedTimeout(request.timeoutMs) };
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await readTransaction(context.table, request.transactionalId);
    const begun = await begin(context, request.transactionalId, item, instance);
    if (begun) return initializedOf(begun, token);
  }
  throw new RivuletError(
    'CONCURRENT_TRANSACTIONS',
    `other instances of transactional id ${request.transactionalId} are initializing it: send the same request again`,
    { outcome: 'unknown' },
  );
}

export function checkTransactionalId(transactionalId: string): void {
  const reason = whyInvalidName(transactionalId);
  if (reason) throw invalid(`transactionalId: ${JSON.stringify(transactionalId.slice(0, 300))} ${reason}`);
}

function checkedTimeout(timeoutMs: number = limits.defaultTransactionTimeoutMs): number {
  const isInRange = Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= limits.maxTransactionTimeoutMs;
  if (isInRange) return timeoutMs;
  throw refused(
    'INVALID_TRANSACTION_TIMEOUT',
    `timeoutMs: expected a whole number from 1 to ${limits.maxTransactionTimeoutMs}, got ${timeoutMs}`,
  );
}

/** Returns undefined if another process has changed the item meanwhile. */
async function begin(
  context: GroupContext,
  transactionalId: string,
  item: TransactionItem | undefined,
  instance: Instance,
): Promise<TransactionItem | undefined> {
  if (!item) return create(context, transactionalId, undefined, instance);
  if (item.state === 'c') return create(context, transactionalId, item, instance);
  if (item.state === 'o') return takeOver(context, item, instance);
  const isDecided = item.state === 'd';
  if (isDecided) await rollForward(context, item);
  return undefined;
}

/** The listing decides the xid. A closed item has a new life, with another xid. */
async function create(
  context: GroupContext,
  transactionalId: string,
  closed: TransactionItem | undefined,
  instance: Instance,
): Promise<TransactionItem | undefined> {
  const { table, clock } = context;
  const xid = await listedXid(context, transactionalId);
  if (xid === undefined) return undefined;
  // A copy of the write that listed the closed life has come after the end of that life.
  const isUsedUp = closed !== undefined && xid <= closed.xid;
  if (isUsedUp) {
    await removeListing(context, transactionalId, xid);
    return undefined;
  }
  const { tokenHash, timeoutMs } = instance;
  const producerId = await newProducerId(table);
  const item = newTransactionItem(transactionalId, { xid, producerId, tokenHash, timeoutMs, nowMs: clock.now() });
  const isFree = closed ? all(isInState('c'), equals('i', closed.xid)) : absent('v');
  const isListed = equals('i', xid);
  const result = await table.transact(
    [
      { kind: 'put', item, if: isFree },
      { kind: 'check', key: transactionListingKey(transactionalId), if: isListed },
    ],
    newToken(clock),
  );
  return takenBy(instance, result.applied ? { applied: true, item } : { applied: false, old: result.failures[0]!.old });
}

async function listedXid(context: GroupContext, transactionalId: string): Promise<number | undefined> {
  const listing = { ...transactionListingKey(transactionalId), v: itemVersion, i: await newXid(context) };
  const listed = await context.table.write({ kind: 'put', item: listing, if: absent('v') });
  return (listed.applied ? listing.i : listed.old?.i) as number | undefined;
}

async function newXid({ table }: GroupContext): Promise<number> {
  const result = await table.write({ kind: 'update', key: xidsKey, update: { add: [['n', 1]] } });
  if (result.applied && result.item) return firstTransactionalId + (result.item.n as number);
  throw new RivuletError('STORAGE_UNAVAILABLE', 'the table did not give a number for the transactional id: try again');
}

async function takeOver(
  context: GroupContext,
  item: TransactionItem,
  instance: Instance,
): Promise<TransactionItem | undefined> {
  const end = endUpdate(item, 'aborted', await producerAfter(context, item), context.clock.now());
  const fences = isEmpty(item) ? {} : { add: [['fc', 1] as const] };
  const result = await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: { ...end, ...fences, set: [...end.set!, ['tk', instance.tokenHash], ['to', instance.timeoutMs]] },
    if: all(inTransaction(item), isInState('o')),
  });
  return takenBy(instance, result);
}

/** A refusal may come from an earlier copy of our own write: then the item has our token. */
function takenBy(
  { tokenHash }: Instance,
  result: { applied: boolean; item?: Item | undefined; old?: Item | undefined },
): TransactionItem | undefined {
  const stored = result.applied ? result.item : result.old;
  const item = stored && parseTransactionItem(stored);
  return item && Buffer.compare(item.tokenHash, tokenHash) === 0 ? item : undefined;
}

const initializedOf = (item: TransactionItem, token: string): InitializedTransactions => ({
  transactionalId: item.transactionalId,
  transaction: item.number,
  token,
  producerId: item.producerId,
  producerEpoch: item.producerEpoch,
});
