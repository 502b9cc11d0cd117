// Begins the work of a new instance of a transactional id, and ends that of the earlier one: its open transaction is
// aborted, and none of its requests can act any more. A transaction that is already decided is applied first.
//
// Invariant: an xid is used by one transactional id for one life. The listing takes it before the item does, the item is made
// only while the listing has it, and both leave in one step (expire.ts). Otherwise an xid would come again with its numbers,
// and what is committed then would be taken for applied.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { invalid, refused } from '../api/refusal.ts';
import type { InitializedTransactions, InitProducer, InitTransactions } from '../api/transactions.ts';
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
  instanceFields,
  inTransaction,
  isEmpty,
  isInState,
  type NewInstance,
  newTransactionItem,
  parseTransactionItem,
  readTransaction,
  type TransactionItem,
} from './item.ts';
import { checkNewest, hasGoneOn } from './newest-instance.ts';
import { producerAfter, producerAfterTimeout } from './producer-after.ts';
import { removeListing } from './remove-listing.ts';

const tries = 8;

type Before = NonNullable<InitProducer['before']>;
/** `before` is the producer that the instance goes on from. */
type Instance = NewInstance & { readonly before?: Before | undefined };

export async function init(context: GroupContext, request: InitTransactions): Promise<InitializedTransactions> {
  checkTransactionalId(request.transactionalId);
  const token = Buffer.from(context.clock.randomBytes(16)).toString('base64url');
  const timeoutMs = checkedTimeout(request.timeoutMs);
  const instance = { tokenHash: hashOfToken(token), timeoutMs, isOfKafka: false };
  return initializedOf(await initialize(context, request.transactionalId, instance), token);
}

/** Begins as an instance that speaks Kafka's protocol. A client that repeats the request may get the same reply. */
export async function initProducer(
  context: GroupContext,
  { transactionalId, timeoutMs, before }: InitProducer,
): Promise<Pick<InitializedTransactions, 'producerId' | 'producerEpoch'>> {
  checkAnyText(transactionalId);
  const tokenHash = context.clock.randomBytes(16);
  const instance = { tokenHash, timeoutMs: checkedTimeout(timeoutMs), isOfKafka: true, before };
  const { producerId, producerEpoch } = await initialize(context, transactionalId, instance);
  return { producerId, producerEpoch };
}

async function initialize(
  context: GroupContext,
  transactionalId: string,
  instance: Instance,
): Promise<TransactionItem> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await readTransaction(context.table, transactionalId);
    const begun = await begin(context, transactionalId, item, instance);
    if (begun) return begun;
  }
  throw new RivuletError(
    'CONCURRENT_TRANSACTIONS',
    `other instances of transactional id ${transactionalId} are initializing it: send the same request again`,
    { outcome: 'unknown' },
  );
}

export function checkAnyText(transactionalId: string): void {
  const bytes = Buffer.byteLength(transactionalId);
  const isText = bytes > 0 && bytes <= limits.nameLength && transactionalId.isWellFormed();
  if (!isText) throw invalid(`transactional id: expected text of 1 to ${limits.nameLength} bytes, got ${bytes}`);
}

function checkTransactionalId(transactionalId: string): void {
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
  if (item.state === 'o') return instance.before ? goOn(context, item, instance) : takeOver(context, item, instance);
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
  const producerId = await newProducerId(table);
  const item = newTransactionItem(transactionalId, { xid, producerId, instance, nowMs: clock.now() });
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

/** The newest instance itself asks for another epoch, or has not got the reply that gave it one. */
async function goOn(
  context: GroupContext,
  item: TransactionItem,
  instance: Instance,
): Promise<TransactionItem | undefined> {
  const ref = { transactionalId: item.transactionalId, ...instance.before! };
  if (hasGoneOn(item, ref)) return item;
  checkNewest(item, ref);
  return takeOver(context, item, instance);
}

async function takeOver(
  context: GroupContext,
  item: TransactionItem,
  instance: Instance,
): Promise<TransactionItem | undefined> {
  const next = await (instance.before ? producerAfterTimeout : producerAfter)(context, item);
  const end = endUpdate(item, 'aborted', next, context.clock.now());
  const fences = isEmpty(item) ? {} : { add: [['fc', 1] as const] };
  const result = await context.table.write({
    kind: 'update',
    key: transactionKey(item.transactionalId),
    update: { ...end, ...fences, set: [...end.set!, ...instanceFields(instance)] },
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
