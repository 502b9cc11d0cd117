// An observer at the table sees what no client can: every request that may name an object, every record that is committed,
// and every number of a partition that falls although it may only grow.
import { decodeEntry, nameOfEntry } from '../../../lib/partition/entry.ts';
import { logSegmentKeyOf, parseLogItem } from '../../../lib/partition/log-item.ts';
import { parseInlineName } from '../../../lib/storage/keys.ts';
import type { ObjectStore } from '../../../lib/storage/object-store.ts';
import type { Item, Key, Table, Write } from '../../../lib/storage/table.ts';
import { type Call, keyOf, through, writesOf } from '../core/through.ts';
import type { StoreAnomaly } from './check/anomaly.ts';
import { decodedRecords } from './clients.ts';
import type { PlacedRecord, Send } from './history.ts';

/** A request as it was sent. A late copy of it is the same request. */
export type Sent = { readonly names: readonly string[]; again(table: Table): Promise<unknown> };

export type Observer = {
  /** The table, for the processes. */
  readonly table: Table;
  /** The requests that could give an object its name. */
  readonly sent: Sent[];
  /** The numbers that fell. */
  readonly falls: StoreAnomaly[];
  /** The records by partition, also those that are gone. */
  readonly committed: Map<number, PlacedRecord[]>;
};

type Stores = { readonly objects: ObjectStore; readonly table: Table };
type AppendUpdate = Extract<Write, { kind: 'update' }>;

export function observe(stores: Stores, before: readonly Send[] = []): Observer {
  const sent: Sent[] = [];
  const falls: Observer['falls'] = [];
  const committed: Observer['committed'] = Map.groupBy(before.flatMap(recordsOf), ({ partition }) => partition);
  const numbers = new Map<string, Item>();
  const table = through(stores.table, async (call, act) => {
    sent.push(...sentNames(call));
    const result = await act();
    for (const key of writesOf(call).map(keyOf).filter(hasNumbers))
      falls.push(...(await fallsOf(stores, numbers, key)));
    const item = isAppend(call) ? (result as { readonly item?: Item }).item : undefined;
    if (isAppend(call) && item) await take(stores, committed, call, item);
    return result;
  });
  return { table, sent, falls, committed };
}

const recordsOf = ({ partition, values, tries }: Send) =>
  values.map((value, i) => ({ partition, offset: (tries[0] as number) + i, value }));

// --- names

function sentNames(call: Call): Sent[] {
  if (isAppend(call)) return [{ names: [nameIn(call)], again: (table) => table.write(call) }];
  if (call.kind !== 'transact') return [];
  const { actions, token } = call;
  const items = actions.flatMap((action) => (action.kind === 'put' && isLogItem(action.item) ? [action.item] : []));
  if (items.length === 0) return [];
  const names = items.map((item) => logSegmentKeyOf(addressOf(item), parseLogItem(item)));
  // The table has forgotten the token by then.
  return [{ names, again: (table) => table.transact(actions, `${token.slice(0, 30)}again`) }];
}

const isLogItem = ({ pk, sk }: Key): boolean => pk.endsWith('/l') && sk !== 'u';

function addressOf({ pk }: Key): { topicId: string; partition: number } {
  const [topicId, partition] = pk.split('/');
  return { topicId: topicId!, partition: Number(partition) };
}

const isAppend = (call: Call): call is AppendUpdate => call.kind === 'update' && rawEntryOf(call) !== undefined;

const rawEntryOf = ({ update }: AppendUpdate): Uint8Array | undefined =>
  update.append?.find(([attribute]) => attribute === 't')?.[1][0] as Uint8Array | undefined;

const entryOf = (call: AppendUpdate) => decodeEntry(rawEntryOf(call)!).entry;

const nameIn = (call: AppendUpdate): string => nameOfEntry(addressOf(call.key), entryOf(call));

// --- numbers

const hasNumbers = ({ pk, sk }: Key): boolean => sk === 'h' || (sk === 'u' && pk.endsWith('/l'));
const growing = ['n', 's', 'b', 'm', 'g', 'x', 'w', 'z', 'lm', 'lz', 'h', 'cp'];

async function fallsOf({ table }: Stores, numbers: Map<string, Item>, key: Key): Promise<Observer['falls']> {
  const name = `${key.pk} ${key.sk}`;
  const before = numbers.get(name);
  const item = await table.get(key, { strong: true });
  // The items of a deleted topic are removed in the end. A late fence may make one again, which nobody reads.
  if (!item) numbers.delete(name);
  if (!item) return [];
  numbers.set(name, item);
  return growing
    .filter((number) => ((item[number] as number | undefined) ?? 0) < ((before?.[number] as number | undefined) ?? 0))
    .map((number) => ({
      name: 'a number fell',
      detail: `${name}: ${number} is ${item[number]}, it was ${before![number]}`,
    }));
}

// --- records

async function bytesOf({ objects, table }: Stores, call: AppendUpdate): Promise<Uint8Array | undefined> {
  const { position, lengthBytes } = entryOf(call);
  const inline = parseInlineName(nameIn(call));
  if (inline) return (await table.get(inline.key, { strong: true }))?.d as Uint8Array | undefined;
  return objects.get(nameIn(call), { from: position, to: position + lengthBytes });
}

async function take(stores: Stores, committed: Observer['committed'], call: AppendUpdate, { n }: Item): Promise<void> {
  const { recordCount } = entryOf(call);
  const bytes = await bytesOf(stores, call);
  if (!bytes) return;
  const base = (n as number) - recordCount;
  const { partition } = addressOf(call.key);
  const records = decodedRecords(bytes).map(({ value }, i) => ({ offset: base + i, value }));
  committed.set(partition, [...(committed.get(partition) ?? []), ...records]);
}
