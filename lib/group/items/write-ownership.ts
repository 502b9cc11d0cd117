// Writes partitions of offsets items. All partitions that may be written are written in one step, and each other one
// gets an error. A refusal of the table returns what is stored. The rules judge that again, and the rest is tried once
// more.
//
// Invariant: nothing is written twice. A write that carries no number of its own may find that the ownership is neither
// as it was read nor as the write would have it. Then a copy of the write whose reply was lost may have been there and
// was overwritten, so the outcome is unknown.
import { isDeepStrictEqual } from 'node:util';
import type { RivuletError } from '../../api/errors.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupHeadKey } from '../../storage/keys.ts';
import type { Check, Condition, Item, Key, Write } from '../../storage/table.ts';
import { beingChanged, type GroupContext, randomName } from '../context.ts';
import { type Change, type ItemPartitions, keyOfItem, type Ownership, ownershipOf, updateOf } from './ownership.ts';

export type Entry = { readonly topic: string; readonly topicId: string; readonly partition: number };

/** `done` means that the ownership is already as it should be. */
export type Verdict = 'write' | 'done' | RivuletError;

export type Rules<E extends Entry> = {
  judge(entry: E, ownership: Ownership): Verdict | Promise<Verdict>;
  /** The ownership is undefined if nothing was read of it yet. */
  condition(entry: E, ownership: Ownership | undefined): Condition;
  change(entry: E, ownership: Ownership | undefined): Change;
  /** Tells whether the condition needs what is stored. */
  readonly readsFirst: boolean;
  /**
   * A condition on the group's head, required where an item is made: nothing in the ownership itself tells that the
   * group exists.
   */
  readonly ifNew?: Condition | undefined;
};

/** DynamoDB's bound for one transaction. */
const actionsPerStep = 100;
const tries = 6;

/** Returns the errors of the entries that were refused. */
export async function writeOwnership<E extends Entry>(
  context: GroupContext,
  groupId: string,
  entries: readonly E[],
  rules: Rules<E>,
): Promise<ReadonlyMap<E, RivuletError>> {
  const errors = new Map<E, RivuletError>();
  const items = itemsOf(groupId, entries);
  const itemsPerStep = rules.ifNew ? actionsPerStep - 1 : actionsPerStep;
  for (let from = 0; from < items.length; from += itemsPerStep)
    await writeStep(context, groupId, items.slice(from, from + itemsPerStep), rules, errors);
  return errors;
}

/**
 * Returns the writes instead of sending them, for a transaction that makes them part of its own. Throws the error of the
 * first entry that is refused already.
 */
export async function ownershipWrites<E extends Entry>(
  { table }: GroupContext,
  groupId: string,
  entries: readonly E[],
  rules: Rules<E>,
): Promise<(Write | Check)[]> {
  const errors = new Map<E, RivuletError>();
  const items = itemsOf(groupId, entries);
  if (rules.readsFirst)
    await inParallel(items, 16, async (item) => {
      await sortOut(groupId, item, await table.get(item.key, { strong: true }), rules, errors);
    });
  const [refusal] = errors.values();
  if (refusal) throw refusal;
  return [...items.map((item) => writeOf(groupId, item, rules)), ...headCheck(groupId, rules)];
}

type ItemEntries<E> = {
  readonly key: Key;
  readonly shared: ItemPartitions;
  /** True if the last read or refusal found no such item. */
  isNew: boolean;
  entries: { entry: E; ownership?: Ownership }[];
};

function itemsOf<E extends Entry>(groupId: string, entries: readonly E[]): ItemEntries<E>[] {
  const items = new Map<string, ItemEntries<E>>();
  for (const entry of entries) {
    const shared = { topic: entry.topic, topicId: entry.topicId, partitions: [entry.partition] };
    const key = keyOfItem(groupId, shared);
    const item = items.get(key.sk) ?? { key, shared, isNew: false, entries: [] };
    items.set(key.sk, item);
    item.entries.push({ entry });
  }
  return [...items.values()];
}

async function writeStep<E extends Entry>(
  context: GroupContext,
  groupId: string,
  items: readonly ItemEntries<E>[],
  rules: Rules<E>,
  errors: Map<E, RivuletError>,
): Promise<void> {
  const look = (item: ItemEntries<E>, stored: Item | undefined) => sortOut(groupId, item, stored, rules, errors);
  const read = async (item: ItemEntries<E>) => {
    await look(item, await context.table.get(item.key, { strong: true }));
  };
  if (rules.readsFirst) await inParallel(items, 16, read);
  for (let attempt = 0; attempt < tries; attempt++) {
    const open = items.filter(({ entries }) => entries.length > 0);
    const makesAnItem = open.some(({ isNew }) => isNew);
    const refused = await send(context, [
      ...open.map((item) => writeOf(groupId, item, rules)),
      ...(makesAnItem ? headCheck(groupId, rules) : []),
    ]);
    if (refused.length === 0) return;
    if (refused.some(({ index }) => index === open.length)) break;
    for (const { index, old } of refused) await look(open[index]!, old);
  }
  throw beingChanged(groupId);
}

async function sortOut<E extends Entry>(
  groupId: string,
  item: ItemEntries<E>,
  stored: Item | undefined,
  rules: Rules<E>,
  errors: Map<E, RivuletError>,
): Promise<void> {
  const left: ItemEntries<E>['entries'] = [];
  item.isNew = stored === undefined;
  for (const { entry, ownership: before } of item.entries) {
    const ownership = ownershipOf(stored, entry.partition);
    const isChanged = before && rules.readsFirst && !isDeepStrictEqual(before, ownership);
    const verdict = isChanged
      ? isInPlace(rules.change(entry, before), stored) || beingChanged(groupId)
      : await rules.judge(entry, ownership);
    if (verdict === 'write') left.push({ entry, ownership });
    else if (verdict !== 'done') errors.set(entry, verdict);
  }
  item.entries = left;
}

const isInPlace = ({ set, remove }: Change, item: Item | undefined): Verdict | false =>
  set.every(([name, value]) => item?.[name] === value) && remove.every((name) => item?.[name] === undefined) && 'done';

function writeOf<E extends Entry>(groupId: string, { shared, entries }: ItemEntries<E>, rules: Rules<E>): Write {
  return updateOf(
    groupId,
    shared,
    entries.map(({ entry, ownership }) => rules.condition(entry, ownership)),
    entries.map(({ entry, ownership }) => rules.change(entry, ownership)),
  );
}

const headCheck = <E extends Entry>(groupId: string, { ifNew }: Rules<E>): Check[] =>
  ifNew ? [{ kind: 'check', key: groupHeadKey(groupId), if: ifNew }] : [];

/**
 * Sends one item as one write, and several as one transaction, at twice the price. @returns the actions that were
 * refused.
 */
async function send(
  { table, clock }: GroupContext,
  actions: readonly (Write | Check)[],
): Promise<{ index: number; old: Item | undefined }[]> {
  const [first, ...others] = actions;
  if (!first) return [];
  if (others.length === 0) {
    const result = await table.write(first as Write);
    return result.applied ? [] : [{ index: 0, old: result.old }];
  }
  const result = await table.transact(actions, randomName(clock));
  if (result.applied) return [];
  return result.failures.flatMap(({ failed, old }, index) => (failed ? [{ index, old }] : []));
}
