// The item of a transactional id (X in PROTOCOL.md) is the one truth on its transactions: what is staged, and how the last
// one ended. Each step is one conditional update of it.
//
//   v version   i xid, the number of the id for its life   k number of the transaction, + 1 at every end
//   st state: o open, p prepared, d decided, c closed      l number and outcome of the last end
//   lw what the last commit wrote: by topic id, varint partition and varint count of records of each partition
//   t staged runs: u8 index into ti, varint partition, entry   sb count of runs that were spilled to stage pages
//   ti topic ids by index   q next sequence by "index/partition"   go staged offsets, as JSON   ix index objects by topic
//   cp ce producer id and epoch of the batches   tk 16 bytes of the SHA-256 of the token
//   kt the tk of an instance that speaks Kafka's protocol: it has no token, and it keeps ce, q and ti across its transactions
//   pe the epoch that this very instance had before, if it may not know ce yet   pi the producer id that it had then, if another
//   ev 1 if what was staged has opened the transaction of an instance that speaks Kafka's protocol: then its end raises ce
//   fc fences since the last commit   to time-out, ms   dl deadline, from the first stage on   u last used
//   y bytes staged, of records and of offsets: grows with every stage
//
// Invariant: i, k, ce and tk in the condition of every client's step. Without i, a late step lands in an item that was made
// after the id expired; without k, in the next transaction; without ce and tk, after another instance has taken over.
import { createHash } from 'node:crypto';
import { readVarint, varintLength, writeVarint } from '../bytes/unsigned-varint.ts';
import { decodeEntry, type Entry, encodeEntry } from '../partition/entry.ts';
import type { PageAddress } from '../partition/page.ts';
import { checkVersion, itemVersion, transactionalIdOf, transactionKey } from '../storage/keys.ts';
import {
  absent,
  all,
  any,
  atLeast,
  type Condition,
  equals,
  type Item,
  type Table,
  type Update,
  type Value,
} from '../storage/table.ts';

export type StoredState = 'o' | 'p' | 'd' | 'c';

export type TransactionItem = {
  readonly transactionalId: string;
  readonly xid: number;
  readonly number: number;
  readonly state: StoredState;
  /** The runs that were not spilled, oldest first. */
  readonly staged: readonly Uint8Array[];
  readonly spilled: number;
  readonly topicIds: readonly string[];
  readonly nextSequences: Readonly<Record<string, number>>;
  readonly offsets: readonly string[];
  /** The random parts of the index objects, by the index of their topic. */
  readonly indexObjects: Readonly<Record<string, Uint8Array>>;
  readonly last: { readonly number: number; readonly outcome: 'committed' | 'aborted' } | undefined;
  /** Where the last commit wrote. A commit by an older version did not say. */
  readonly lastWritten: readonly WrittenPartition[] | undefined;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly tokenHash: Uint8Array;
  /** The newest instance speaks Kafka's protocol. */
  readonly isOfKafka: boolean;
  /** Such an instance may know this epoch only: its transaction timed out, or it did not get the reply to its init. */
  readonly epochBefore: number | undefined;
  readonly producerIdBefore: number;
  /** The end of the open transaction raises the epoch of such an instance. */
  readonly raisesEpoch: boolean;
  readonly timeoutMs: number;
  readonly deadlineMs: number | undefined;
  readonly usedMs: number;
  /** How often a newer instance has ended an open transaction since the last commit. */
  readonly fences: number;
  readonly stagedBytes: number;
};

export type WrittenPartition = { readonly address: PageAddress; readonly records: number };

export function parseTransactionItem(item: Item): TransactionItem {
  checkVersion(item, 'transaction');
  const topics = (item.ti ?? {}) as Readonly<Record<string, string>>;
  const [number, outcome] = ((item.l as string | undefined) ?? '').split('/');
  return {
    transactionalId: transactionalIdOf(item.pk),
    xid: item.i as number,
    number: item.k as number,
    state: item.st as StoredState,
    staged: (item.t ?? []) as readonly Uint8Array[],
    spilled: (item.sb as number | undefined) ?? 0,
    topicIds: Object.keys(topics)
      .map(Number)
      .sort((a, b) => a - b)
      .map((index) => topics[index]!),
    nextSequences: (item.q ?? {}) as Readonly<Record<string, number>>,
    offsets: (item.go ?? []) as readonly string[],
    indexObjects: (item.ix ?? {}) as Readonly<Record<string, Uint8Array>>,
    last: outcome ? { number: Number(number), outcome: outcome as 'committed' | 'aborted' } : undefined,
    lastWritten: item.lw === undefined ? undefined : decodeWritten(item.lw as Readonly<Record<string, Uint8Array>>),
    producerId: item.cp as number,
    producerEpoch: item.ce as number,
    tokenHash: item.tk as Uint8Array,
    // An older version of this code begins an instance without looking at kt. Then tk is another one.
    isOfKafka: item.kt !== undefined && Buffer.compare(item.kt as Uint8Array, item.tk as Uint8Array) === 0,
    epochBefore: item.pe as number | undefined,
    producerIdBefore: (item.pi ?? item.cp) as number,
    raisesEpoch: item.ev !== undefined,
    timeoutMs: item.to as number,
    deadlineMs: item.dl as number | undefined,
    usedMs: item.u as number,
    fences: (item.fc as number | undefined) ?? 0,
    stagedBytes: (item.y as number | undefined) ?? 0,
  };
}

/** The read is strong: what it says of the last end must be true. */
export async function readTransaction(table: Table, transactionalId: string): Promise<TransactionItem | undefined> {
  const item = await table.get(transactionKey(transactionalId), { strong: true });
  return item && parseTransactionItem(item);
}

export const hashOfToken = (token: string): Uint8Array =>
  new Uint8Array(createHash('sha256').update(token).digest().subarray(0, 16));

export const hasToken = ({ tokenHash }: TransactionItem, token: string): boolean =>
  Buffer.compare(tokenHash, hashOfToken(token)) === 0;

export type NewInstance = {
  readonly tokenHash: Uint8Array;
  readonly timeoutMs: number;
  readonly isOfKafka: boolean;
};

export const instanceFields = ({ tokenHash, timeoutMs, isOfKafka }: NewInstance): [string, Value][] => [
  ['tk', tokenHash],
  ['to', timeoutMs],
  ...(isOfKafka ? [['kt', tokenHash] as [string, Value]] : []),
];

export function newTransactionItem(
  transactionalId: string,
  fields: { xid: number; producerId: number; instance: NewInstance; nowMs: number },
): Item {
  return {
    ...transactionKey(transactionalId),
    v: itemVersion,
    i: fields.xid,
    k: 1,
    st: 'o',
    q: {},
    ti: {},
    cp: fields.producerId,
    ce: 0,
    ...Object.fromEntries(instanceFields(fields.instance)),
    u: fields.nowMs,
  };
}

export const isEmpty = ({ staged, spilled, offsets }: TransactionItem): boolean =>
  staged.length === 0 && spilled === 0 && offsets.length === 0;

// --- conditions and updates

/** The step acts on this very transaction of this very item. */
export function inTransaction({ xid, number }: Pick<TransactionItem, 'xid' | 'number'>): Condition {
  const isSameItem = equals('i', xid);
  const isSameTransaction = equals('k', number);
  return all(isSameItem, isSameTransaction);
}

export function byNewestInstance({ producerEpoch, tokenHash }: TransactionItem): Condition {
  const isSameEpoch = equals('ce', producerEpoch);
  const isSameToken = equals('tk', tokenHash);
  return all(isSameEpoch, isSameToken);
}

export const isInState = (state: StoredState): Condition => equals('st', state);

/** Nothing is staged yet, or the time is not over. */
export const isInTime = (nowMs: number): Condition => any(absent('dl'), atLeast('dl', nowMs));

/** Nothing was staged since the item was read: every stage adds bytes. */
export const isStagedAsRead = ({ stagedBytes }: TransactionItem): Condition =>
  stagedBytes === 0 ? absent('y') : equals('y', stagedBytes);

/** The producer of the next transaction. */
export type NextProducer = { readonly cp: number; readonly ce: number; readonly pe?: number; readonly pi?: number };

/**
 * Ends the transaction, and begins the next number. Nothing of it is left but its outcome, and where it wrote. Sequences
 * begin at 0 with a new epoch; if the epoch stays, they go on.
 */
export function endUpdate(
  item: TransactionItem,
  outcome: 'committed' | 'aborted',
  { cp, ce, ...before }: NextProducer,
  nowMs: number,
  written: readonly WrittenPartition[] = [],
): Update {
  const isCommitted = outcome === 'committed';
  const gone = ['pe', 'pi'].filter((name) => !Object.hasOwn(before, name));
  const sequencesGoOn = cp === item.producerId && ce === item.producerEpoch;
  return {
    set: [
      ['l', `${item.number}/${outcome}`],
      ['k', item.number + 1],
      ['st', 'o'],
      ['cp', cp],
      ['ce', ce],
      ['u', nowMs],
      ...(sequencesGoOn
        ? []
        : ([
            ['q', {}],
            ['ti', {}],
          ] as const)),
      ...Object.entries(before),
      ...(isCommitted ? [['lw', encodeWritten(written)] as const] : []),
    ],
    remove: [isCommitted ? 'fc' : 'lw', ...gone, 't', 'sb', 'go', 'y', 'dl', 'ix', 'ev'],
  };
}

// --- what the last commit wrote

function encodeWritten(written: readonly WrittenPartition[]): Record<string, Uint8Array> {
  const topics = Map.groupBy(written, ({ address }) => address.topicId);
  const encoded = [...topics].map(([topicId, parts]) => {
    const numbers = parts.flatMap(({ address, records }) => [address.partition, records]);
    const bytes = new Uint8Array(numbers.reduce((sum, number) => sum + varintLength(number), 0));
    numbers.reduce((at, number) => writeVarint(bytes, at, number), 0);
    return [topicId, bytes] as const;
  });
  return Object.fromEntries(encoded);
}

function decodeWritten(topics: Readonly<Record<string, Uint8Array>>): WrittenPartition[] {
  const written: WrittenPartition[] = [];
  for (const [topicId, bytes] of Object.entries(topics))
    for (let at = 0; at < bytes.length; ) {
      const partition = readVarint(bytes, at);
      const records = readVarint(bytes, partition.end);
      written.push({ address: { topicId, partition: partition.value }, records: records.value });
      at = records.end;
    }
  return written;
}

// --- staged runs

export type StagedRun = { readonly address: PageAddress; readonly entry: Entry };

export function encodeStaged(topicIndex: number, partition: number, entry: Entry): Uint8Array {
  const lead = Buffer.alloc(1 + varintLength(partition));
  lead[0] = topicIndex;
  writeVarint(lead, 1, partition);
  return new Uint8Array(Buffer.concat([lead, encodeEntry(entry)]));
}

export function decodeStaged(bytes: Uint8Array, topicIds: readonly string[]): StagedRun {
  const partition = readVarint(bytes, 1);
  return {
    address: { topicId: topicIds[bytes[0]!]!, partition: partition.value },
    entry: decodeEntry(bytes, partition.end).entry,
  };
}

export const sequencePath = (topicIndex: number, partition: number) => ['q', `${topicIndex}/${partition}`] as const;
