// The Table in memory, for simulations and as the simplest statement of the port's meaning. One call is one step: no other
// call interleaves with it. Items are copied in and out, so that callers never hold the stored items.
import type { Clock } from '../../runtime/clock.ts';
import { firstAfter, firstAtOrAfter } from '../key-order.ts';
import type { Item, ItemPage, Key, Query, Scalar, Table, Value } from '../table.ts';
import {
  checkKey,
  checkKeys,
  checkQuery,
  checkTransaction,
  checkWrite,
  type Rows,
  runTransaction,
  runWrite,
  tableLimits,
} from '../table-rules.ts';
import { runOnce, type TokenStore, tokensRemembered } from '../transaction-tokens.ts';

/** `sks` is sorted by UTF-8 bytes. */
type Partition = { readonly sks: string[]; readonly items: Map<string, Item> };

/** With a clock it forgets transaction tokens after ten minutes, as DynamoDB does. Without one, only their count is bounded. */
export function createMemoryTable({ clock }: { clock?: Pick<Clock, 'now'> } = {}): Table {
  const partitions = new Map<string, Partition>();
  const rows = rowsOf(partitions);
  const tokens = createTokenStore(clock?.now ?? (() => 0));
  return {
    async get(key) {
      checkKey(key);
      return rows.get(key);
    },
    async getMany(keys) {
      checkKeys(keys);
      return { items: keys.flatMap((key) => rows.get(key) ?? []), left: [] };
    },
    async query(query) {
      checkQuery(query);
      const partition = partitions.get(query.pk);
      return partition ? page(partition, query) : { items: [], more: false };
    },
    async write(write) {
      checkWrite(write);
      const result = runWrite(rows, write);
      return result.applied && result.item ? { applied: true, item: copyItem(result.item) } : result;
    },
    async transact(actions, token) {
      checkTransaction(actions, token);
      return runOnce(tokens, token, actions, () => runTransaction(rows, actions));
    },
  };
}

const tokenMs = 10 * 60_000;

function createTokenStore(now: () => number): TokenStore {
  const known = new Map<string, { digest: string; usedMs: number }>();
  return {
    get(token) {
      const one = known.get(token);
      return one && now() - one.usedMs < tokenMs ? one.digest : undefined;
    },
    put(token, digest) {
      known.set(token, { digest, usedMs: now() });
      if (known.size > tokensRemembered) known.delete(known.keys().next().value!);
    },
  };
}

function rowsOf(partitions: Map<string, Partition>): Rows {
  return {
    get(key: Key) {
      const item = partitions.get(key.pk)?.items.get(key.sk);
      return item && copyItem(item);
    },
    put(item: Item) {
      const partition = partitions.get(item.pk) ?? { sks: [], items: new Map<string, Item>() };
      partitions.set(item.pk, partition);
      if (!partition.items.has(item.sk)) partition.sks.splice(firstAtOrAfter(partition.sks, item.sk), 0, item.sk);
      partition.items.set(item.sk, copyItem(item));
    },
    delete(key: Key) {
      const partition = partitions.get(key.pk);
      if (!partition?.items.delete(key.sk)) return;
      partition.sks.splice(firstAtOrAfter(partition.sks, key.sk), 1);
      if (partition.sks.length === 0) partitions.delete(key.pk);
    },
  };
}

function page({ sks, items }: Partition, query: Query): ItemPage {
  const { from, through, after, reverse = false, limit = tableLimits.pageItems } = query;
  let begin = from === undefined ? 0 : firstAtOrAfter(sks, from);
  let end = through === undefined ? sks.length : firstAfter(sks, through);
  if (after !== undefined && reverse) end = Math.min(end, firstAtOrAfter(sks, after));
  if (after !== undefined && !reverse) begin = Math.max(begin, firstAfter(sks, after));
  const chosen = reverse
    ? sks.slice(Math.max(begin, end - limit), Math.max(begin, end)).reverse()
    : sks.slice(begin, Math.min(end, begin + limit));
  return { items: chosen.map((sk) => copyItem(items.get(sk)!)), more: end - begin > limit };
}

function copyItem(item: Item): Item {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, copyValue(value)])) as Item;
}

function copyValue(value: Value): Value {
  if (typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(copyScalar);
  return Object.fromEntries(Object.entries(value).map(([entry, scalar]) => [entry, copyScalar(scalar)]));
}

const copyScalar = (value: Scalar): Scalar => (value instanceof Uint8Array ? new Uint8Array(value) : value);
