// Small appends without an object: where a topic has `rivulet.inline.max.bytes`, each small run of a request becomes an item of
// the table. That is quicker than a PUT, and cheaper for an item of up to 3 KiB. No rule of the log depends on the setting,
// so it may change at any time.
import type { EntryPlace } from '../partition/entry.ts';
import { inlineItem } from '../partition/inline-item.ts';
import { itemSize } from '../storage/item-size.ts';
import { StorageError } from '../storage/storage-error.ts';
import { absent, type Item, type Table, type Write, type WriteResult } from '../storage/table.ts';
import { configNumber } from '../topic/config.ts';
import type { Topic } from '../topic/topics.ts';
import type { AdmittedRun } from './admit.ts';
import type { LogContext } from './context.ts';

/** A request with more runs costs less as one object. */
const mostItems = 3;

const maxBytesOf = ({ overrides }: Topic): number => configNumber(overrides, 'rivulet.inline.max.bytes');

export const mayBeInline = (topic: Topic, admitted: readonly AdmittedRun[]): boolean =>
  admitted.length <= mostItems && admitted.every(({ bytes }) => bytes.length < maxBytesOf(topic));

export type InlinePlace = EntryPlace & {
  /** It is not stored yet: the update of the head stores it in the same commit. */
  readonly unstored?: Item;
};

/**
 * Puts an item for each run, or leaves that to the update of the head where the table can do both in one commit. Returns
 * undefined if the runs belong into an object, because an item would be too large or the table is throttled. A mix of items
 * and an object would cost more than the object, and take as long.
 */
export async function putInline(
  { table, clock }: LogContext,
  topic: Topic,
  admitted: readonly AdmittedRun[],
  segmentEpoch: number,
): Promise<InlinePlace[] | undefined> {
  const { topicId } = topic;
  const runs = admitted.map((run) => ({ topicId, segmentEpoch, segmentRandom: clock.randomBytes(8), ...run }));
  const items = runs.map(inlineItem);
  const areSmall = items.every((item) => itemSize(item) <= maxBytesOf(topic));
  const places = runs.map(({ segmentRandom }) => ({
    segmentEpoch,
    segmentRandom,
    position: 0,
    isInline: true as const,
  }));
  if (areSmall && table.writeBoth) return places.map((place, i) => ({ ...place, unstored: items[i]! }));
  if (!areSmall || !(await putAll(table, items))) return undefined;
  return places;
}

/** Returns false if the table is throttled. Items that were put are then orphans. */
async function putAll(table: Table, items: readonly Item[]): Promise<boolean> {
  const puts = await Promise.allSettled(items.map((item) => putOnce(table, item)));
  const errors = puts.flatMap((put) => (put.status === 'rejected' ? [put.reason as unknown] : []));
  const other = errors.find((error) => !isThrottled(error));
  if (other !== undefined) throw other;
  return errors.length === 0;
}

/**
 * A try without an answer may have taken seconds. After it, there is no time left for an object, because the gateway gives
 * up.
 */
const isThrottled = (error: unknown): boolean =>
  error instanceof StorageError && error.reason === 'throttled' && !error.mayHaveActed;

/** A put that arrives twice finds its own copy. No other put has this name, because the name has 64 random bits. */
async function putOnce(table: Table, item: Item): Promise<void> {
  const result = await table.write(putOf(item), { onThrottle: 'throw' });
  const isOwnCopy = !result.applied && isSame(result.old?.d, item.d);
  if (!result.applied && !isOwnCopy) throw holdsOtherBytes(item);
}

const putOf = (item: Item): Write => ({ kind: 'put', item, if: absent('v') });

const holdsOtherBytes = ({ pk, sk }: Item) => new StorageError('exists', `the item ${pk} ${sk} holds other bytes`);

/** Updates the head that names the item, in one commit with the put of the item. Needs a table that has `writeBoth`. */
export async function putAndName(table: Table, item: Item, update: Write): Promise<WriteResult> {
  const { first, second } = await table.writeBoth!(putOf(item), update);
  if (!first.applied) throw holdsOtherBytes(item);
  return second!;
}

const isSame = (a: unknown, b: unknown): boolean => Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
