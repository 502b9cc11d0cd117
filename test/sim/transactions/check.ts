// Judges a history of transactions: all or nothing, once, in order, by the newest instance, and never in a reader's way.
import { firstDoomed } from './client.ts';
import type { Batch, History, Told, Transaction } from './history.ts';
import { lifeName } from './history.ts';

export const anomalyNames = [
  'part of a transaction is visible',
  'aborted data is visible',
  'told committed and not readable',
  'told committed before it was readable',
  'two outcomes',
  'told not written and written',
  'applied twice',
  'out of order',
  'interleaved',
  'a zombie commits',
  'a zombie stages',
  'committed after its topic was deleted',
  'told other offsets',
  'offsets without records',
  'records without offsets',
  'lost update of an offset',
  'a reader is delayed',
  'a reader saw what is not in the log',
  'a plain record is lost or doubled',
] as const;

export type Anomaly = { readonly name: (typeof anomalyNames)[number]; readonly detail: string };

const dayMs = 24 * 3_600_000;

type Place = { readonly partition: number; readonly at: number };
type Places = ReadonlyMap<string, readonly Place[]>;

export function check(history: History): Anomaly[] {
  const places = placesOf(history);
  const each = history.transactions.flatMap((transaction) => [
    ...outcomes(history, places, transaction),
    ...wholeness(history, places, transaction),
    ...zombies(history, places, transaction),
    ...afterDeletions(history, places, transaction),
    ...toldOffsets(history, places, transaction),
  ]);
  return [
    ...each,
    ...orders(history, places),
    ...offsets(history, places),
    ...lostUpdates(history, places),
    ...plains(history, places),
    ...polls(history),
  ];
}

function placesOf({ log }: History): Places {
  const places = new Map<string, Place[]>();
  for (const [partition, values] of log)
    for (const [at, value] of values.entries()) {
      const known = places.get(value) ?? [];
      known.push({ partition, at });
      places.set(value, known);
    }
  return places;
}

const valuesOf = ({ batches }: Transaction) => batches.flatMap(({ values }) => values);
export const isIn = (places: Places | ReadonlyMap<string, unknown>, transaction: Transaction) =>
  valuesOf(transaction).some((value) => places.has(value));
const isTold = ({ ends }: Transaction, what: 'commit' | 'abort') =>
  ends.some((end) => end.what === what && end.told === 'done');
const toldCommitted = (transaction: Transaction) => isTold(transaction, 'commit');
const mayHaveActed = (told: Told) => told !== 'not-written';
const isStaged = ({ tries }: { readonly tries: readonly Told[] }) => tries.includes('done');

/** The records of a deleted topic are gone, and those of a topic of the same name are others. */
const isKept = ({ log, topicIds }: History, { partition, topicId }: Batch) => {
  const living = topicIds.get(partition);
  return log.has(partition) && (living === undefined || topicId === undefined || living === topicId);
};

function outcomes(history: History, places: Places, transaction: Transaction): Anomaly[] {
  const { name, ends } = transaction;
  const isVisible = isIn(places, transaction);
  const commits = ends.filter(({ what }) => what === 'commit');
  const found: Anomaly[] = [];
  if (toldCommitted(transaction) && isTold(transaction, 'abort')) found.push({ name: 'two outcomes', detail: name });
  if (isVisible && isTold(transaction, 'abort')) found.push({ name: 'aborted data is visible', detail: name });
  if (isVisible && commits.length === 0)
    found.push({ name: 'aborted data is visible', detail: `${name}: nobody asked for its commit` });
  else if (isVisible && !commits.some(({ told }) => mayHaveActed(told)))
    found.push({ name: 'told not written and written', detail: name });
  return [...found, ...lateSights(history, transaction)];
}

/** A transaction that is told to be committed can be read from that moment on. So can one that an earlier instance left decided. */
function lateSights(history: History, transaction: Transaction): Anomaly[] {
  const { seenMs } = history;
  const toldMs = transaction.ends
    .filter(({ what, told }) => what === 'commit' && told === 'done')
    .map((end) => end.endedMs);
  const newer = newerInstances(history, transaction).map(({ endedMs }) => endedMs!);
  const dueMs = Math.min(...toldMs, ...newer);
  return transaction.batches
    .filter((batch) => isKept(history, batch))
    .flatMap(({ values }) => values)
    .filter((value) => (seenMs.get(value) ?? Number.NEGATIVE_INFINITY) > dueMs)
    .slice(0, 1)
    .map((value) => ({
      name: 'told committed before it was readable',
      detail: `${value} at ${seenMs.get(value)}, due at ${dueMs}`,
    }));
}

/** Two calls of init may overlap, and then either may have acted first. */
function newerInstances({ instances }: Pick<History, 'instances'>, { id, instance }: Transaction) {
  const ownMs = instances[instance]!.endedMs!;
  return instances.filter((each) => each.id === id && each.begunMs >= ownMs && each.endedMs !== undefined);
}

function wholeness(history: History, places: Places, transaction: Transaction): Anomaly[] {
  const isVisible = isIn(places, transaction);
  if (!isVisible && !toldCommitted(transaction)) return [];
  const name = isVisible ? 'part of a transaction is visible' : 'told committed and not readable';
  const found: Anomaly[] = [];
  for (const batch of transaction.batches.filter((one) => isKept(history, one))) {
    const there = batch.values.filter((value) => places.has(value)).length;
    const isMissing = isStaged(batch) && there < batch.values.length;
    const isCut = there > 0 && there < batch.values.length;
    if (isMissing || isCut) found.push({ name, detail: `${there} of ${batch.values.length} of ${batch.values[0]}` });
    if (there > 0 && !batch.tries.some(mayHaveActed))
      found.push({ name: 'told not written and written', detail: `${batch.values[0]}` });
    if (batch.values.some((value) => (places.get(value)?.length ?? 0) > 1))
      found.push({ name: 'applied twice', detail: `${batch.values[0]}` });
  }
  return [...found, ...neighbours(places, transaction)];
}

/** The records of a transaction lie together in each partition, in the order in which they were staged. */
function neighbours(places: Places, transaction: Transaction): Anomaly[] {
  const next = new Map<number, number>();
  const last = new Map<number, Batch>();
  const found: Anomaly[] = [];
  for (const batch of transaction.batches)
    for (const value of batch.values) {
      const place = places.get(value)?.[0];
      if (!place) continue;
      const expected = next.get(place.partition);
      if (expected !== undefined && place.at !== expected)
        found.push({
          name: place.at < expected ? 'out of order' : 'interleaved',
          detail: `${value} at ${place.at}, and not at ${expected}, after ${last.get(place.partition)!.values[0]}`,
        });
      next.set(place.partition, place.at + 1);
      last.set(place.partition, batch);
    }
  return found;
}

function zombies(history: History, places: Places, transaction: Transaction): Anomaly[] {
  const takenMs = Math.min(...newerInstances(history, transaction).map(({ endedMs }) => endedMs!));
  const commits = transaction.ends.filter(({ what }) => what === 'commit');
  const isLate = commits.length > 0 && commits.every(({ begunMs }) => begunMs > takenMs);
  const found: Anomaly[] = [];
  if (isLate && (isIn(places, transaction) || toldCommitted(transaction)))
    found.push({ name: 'a zombie commits', detail: `${transaction.name}, after ${takenMs}` });
  for (const batch of transaction.batches)
    if (batch.begunMs > takenMs && isStaged(batch))
      found.push({ name: 'a zombie stages', detail: `${batch.values[0]}, after ${takenMs}` });
  return found;
}

/** A transaction that holds records of a topic cannot be committed any more once the topic is deleted. */
function afterDeletions({ closedMs }: History, places: Places, transaction: Transaction): Anomaly[] {
  const commits = transaction.ends.filter(({ what }) => what === 'commit');
  const isCommitted = isIn(places, transaction) || toldCommitted(transaction);
  const closed = Math.min(
    ...transaction.batches
      .filter(isStaged)
      .map(({ topicId = '' }) => closedMs.get(topicId) ?? Number.POSITIVE_INFINITY),
  );
  if (!isCommitted || commits.length === 0 || commits.some(({ begunMs }) => begunMs < closed)) return [];
  return [{ name: 'committed after its topic was deleted', detail: `${transaction.name}, after ${closed}` }];
}

/** If a client asks where the records are, it is told this of each partition. After a day a partition may be left out. */
function toldOffsets(history: History, places: Places, { name, batches, ends }: Transaction): Anomaly[] {
  const visible = batches.filter((batch) => isKept(history, batch) && batch.values.every((value) => places.has(value)));
  const begunMs = Math.min(...ends.map((end) => end.begunMs));
  const found: Anomaly[] = [];
  for (const { offsets: told, endedMs } of ends) {
    if (!told) continue;
    for (const [partition, own] of Map.groupBy(visible, (batch) => batch.partition)) {
      const values = own.flatMap((batch) => batch.values);
      // The client knows the topic's id unless all replies to its stages were lost.
      const topicId = own.find((batch) => batch.topicId !== undefined)?.topicId;
      const part = told.find(
        (one) => one.partition === partition % firstDoomed && one.topicId === (topicId ?? one.topicId),
      );
      const isForgotten = !part && endedMs - begunMs > dayMs;
      const isRight = part?.records === values.length && places.get(values[0]!)![0]!.at === part.baseOffset;
      if (!isForgotten && !isRight)
        found.push({ name: 'told other offsets', detail: `${name} in ${partition}: ${JSON.stringify(part)}` });
    }
  }
  return found;
}

/** The transactions of one life of an id stand in the order of their numbers in every partition. */
function orders({ log, transactions, lives }: History, places: Places): Anomaly[] {
  const owners = new Map(transactions.flatMap((each) => valuesOf(each).map((value) => [value, each] as const)));
  const found: Anomaly[] = [];
  for (const values of log.values()) {
    const newest = new Map<string, Transaction>();
    for (const value of values) {
      const owner = owners.get(value);
      if (!owner || !places.has(value)) continue;
      const before = newest.get(owner.id);
      newest.set(owner.id, owner);
      if (before && compare({ lives }, before, owner) > 0)
        found.push({ name: 'interleaved', detail: `${value} of ${owner.name} after ${before.name}` });
    }
  }
  return found;
}

/** xids are given in ascending order, so a later life of an id has a greater one. */
function compare({ lives }: Pick<History, 'lives'>, a: Transaction, b: Transaction): number {
  const lifeOf = ({ id, producerId }: Transaction) => lives.get(lifeName(id, producerId)) ?? 0;
  return lifeOf(a) - lifeOf(b) || a.number - b.number;
}

/** Each transaction names the one whose offset it has read. So those that moved an offset are a chain, which ends at the last. */
function offsets(history: History, places: Places): Anomaly[] {
  const found: Anomaly[] = [];
  for (const [partition, name] of history.offsets) {
    const all = history.transactions.filter((each) => each.offset?.partition === partition);
    const chain = chainTo(name, new Map(all.map((each) => [each.name, each])));
    for (const one of chain) {
      const hasRecords = one.batches.some((batch) => isStaged(batch) && isKept(history, batch));
      if (hasRecords && !isIn(places, one)) found.push({ name: 'offsets without records', detail: one.name });
      if (isTold(one, 'abort')) found.push({ name: 'offsets without records', detail: `${one.name} was aborted` });
    }
    const isCommitted = (each: Transaction) => isIn(places, each) || toldCommitted(each);
    for (const each of all.filter((one) => isCommitted(one) && isStaged(one.offset!) && !chain.has(one)))
      found.push({
        name: 'records without offsets',
        detail: `${each.name}: the offset is that of ${name || 'nobody'}`,
      });
  }
  return found;
}

function chainTo(last: string, byName: ReadonlyMap<string, Transaction>): ReadonlySet<Transaction> {
  const chain = new Set<Transaction>();
  for (let one = byName.get(last); one && !chain.has(one); one = byName.get(one.offset!.from)) chain.add(one);
  return chain;
}

/** Two transactions that are committed have read the same offset, and both have moved it on. */
function lostUpdates({ transactions }: History, places: Places): Anomaly[] {
  const read = new Map<string, Transaction>();
  const found: Anomaly[] = [];
  for (const each of transactions) {
    const isCommitted = isIn(places, each) || toldCommitted(each);
    if (!each.offset || !isStaged(each.offset) || !isCommitted) continue;
    const version = `${each.offset.partition} ${each.offset.from}`;
    const other = read.get(version);
    read.set(version, each);
    if (other)
      found.push({ name: 'lost update of an offset', detail: `${other.name} and ${each.name} have read ${version}` });
  }
  return found;
}

function plains({ plains: all, seenMs, log }: History, places: Places): Anomaly[] {
  return all.flatMap(({ partition, value, isOnce, tries, ackedMs }): Anomaly[] => {
    if (!log.has(partition)) return [];
    const times = places.get(value)?.length ?? 0;
    const isLost = tries.includes('done') && times === 0;
    const isUnasked = times > 0 && !tries.some(mayHaveActed);
    const found: Anomaly[] = [];
    if (isLost || isUnasked || (isOnce && times > 1))
      found.push({ name: 'a plain record is lost or doubled', detail: `${value}, ${times} times, told ${tries}` });
    if (ackedMs !== undefined && (seenMs.get(value) ?? ackedMs) > ackedMs)
      found.push({
        name: 'a reader is delayed',
        detail: `${value}, acknowledged at ${ackedMs}, seen at ${seenMs.get(value)}`,
      });
    return found;
  });
}

function polls({ polls: all, log }: History): Anomaly[] {
  return all.flatMap(({ partition, offset, values }): Anomaly[] => {
    const now = log.get(partition);
    const wrong = now ? values.findIndex((value, i) => now[offset + i] !== value) : -1;
    if (wrong < 0) return [];
    return [
      { name: 'a reader saw what is not in the log', detail: `${values[wrong]} at ${offset + wrong} of ${partition}` },
    ];
  });
}
