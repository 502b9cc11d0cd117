// Writing partitions of offsets items: all that may be written in one step, those that may not with an error each. A
// refusal of the table shows what is stored; what that means is judged anew, and the rest is tried again.
//
// Invariant: nothing is written twice. Where a write carries no number of its own, and the ownership is neither as it was read
// nor as we would have it, an unheard copy of ours may have been there and was overwritten: the outcome is unknown.
import { isDeepStrictEqual } from 'node:util';
import type { RivuletError } from '../../api/errors.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupHeadKey } from '../../storage/keys.ts';
import type { Check, Condition, Item, Key, Write } from '../../storage/table.ts';
import { beingChanged, type GroupContext, randomName } from '../context.ts';
import { type Change, type ItemPartitions, keyOfItem, type Ownership, ownershipOf, updateOf } from './ownership.ts';

export type Entry = { readonly topic: string; readonly topicId: string; readonly partition: number };

/** `done`: it is as it should be already. */
export type Verdict = 'write' | 'done' | RivuletError;

export type Rules<E extends Entry> = {
  /** Undefined ownership: nothing was read of it yet. */
  judge(entry: E, ownership: Ownership): Verdict | Promise<Verdict>;
  condition(entry: E, ownership: Ownership | undefined): Condition;
  change(entry: E, ownership: Ownership | undefined): Change;
  /** Whether the condition needs what is stored. */
  readonly readsFirst: boolean;
  /** Asked of the group's head where an item is made: nothing in the ownership itself tells that the group is there. */
  readonly ifNew?: Condition;
};

/** DynamoDB's bound for one transaction. */
const actionsPerStep = 100;
const tries = 6;

/** The errors of those that were refused. */
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

type ItemEntries<E> = {
  readonly key: Key;
  readonly shared: ItemPartitions;
  /** As far as was read. */
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

/** One item by one write; several by one transaction, at twice the price. @returns those that were refused. */
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
