// Writes the terms of a generation into the offsets items: each partition gets its owner, or none.
//
// Invariant: once all items have the terms, no commit of an earlier generation changes any of them. Only then a member
// is told what it got. Every request that waits for its assignment may do this, and several may at the same time.
import { RivuletError } from '../../api/errors.ts';
import { inParallel } from '../../runtime/concurrency.ts';
import { groupHeadKey, partitionsPerOffsetsItem } from '../../storage/keys.ts';
import { all, type Item } from '../../storage/table.ts';
import { readTopicAgain } from '../../topic/current.ts';
import { type GroupContext, randomName } from '../context.ts';
import { isBeingFenced } from '../items/classic-heads.ts';
import {
  byItem,
  fenceAt,
  type ItemPartitions,
  keyOfItem,
  notFencedSince,
  ownershipOf,
  topicIdOf,
  topicNameOf,
  updateOf,
} from '../items/ownership.ts';
import type { Portions } from '../items/portions.ts';
import { readOffsetsItems } from '../items/read-ownership.ts';
import { setOf } from '../partition-set.ts';
import { assignedPartitions } from './consumer-protocol.ts';

/** `overtaken` means that an operator's change has a greater epoch: the group needs a new round. */
export type Fenced = 'done' | 'overtaken' | 'again';

const itemsAtOnce = 16;
/** DynamoDB's bound for one transaction, which also checks the head. */
const newItemsPerStep = 99;
const tries = 4;

type Fence = {
  readonly context: GroupContext;
  readonly groupId: string;
  readonly generation: number;
  /** The owners by topic id and partition. */
  readonly owners: ReadonlyMap<string, ReadonlyMap<number, string>>;
};

export async function fence(
  context: GroupContext,
  groupId: string,
  generation: number,
  assignment: Portions,
): Promise<Fenced> {
  const { owners, items } = await ownersIn(context, assignment);
  const fence: Fence = { context, groupId, generation, owners };
  const stored = await readOffsetsItems(context.table, groupId, { strong: true });
  const outcomes = await inParallel(stored, itemsAtOnce, (item) => fenceItem(fence, item));
  if (outcomes.includes('overtaken')) return 'overtaken';
  const known = new Set(stored.map(({ sk }) => sk));
  const missing = items.filter((item) => !known.has(keyOfItem(groupId, item).sk));
  const areMade = await makeItems(fence, missing);
  return areMade && !outcomes.includes('again') ? 'done' : 'again';
}

/** Partitions of a topic that does not exist have no owner. */
export async function ownersIn({ topics }: GroupContext, assignment: Portions) {
  const claims = [...assignment].flatMap(([memberId, bytes]) =>
    assignedPartitions(bytes).map(({ topic, partitions }) => ({ memberId, topic, partitions })),
  );
  const names = [...new Set(claims.map(({ topic }) => topic))];
  const found = await inParallel(names, itemsAtOnce, (topic) =>
    readTopicAgain(topics, { topic }).catch((error: unknown) => {
      if (error instanceof RivuletError) return undefined;
      throw error;
    }),
  );
  const byName = new Map(names.map((name, index) => [name, found[index]]));
  const owners = new Map<string, Map<number, string>>();
  for (const { memberId, topic, partitions } of claims) {
    const known = byName.get(topic);
    if (!known) continue;
    const ofTopic = owners.get(known.topicId) ?? new Map<number, string>();
    owners.set(known.topicId, ofTopic);
    for (const partition of partitions)
      if (partition >= 0 && partition < known.partitions) ofTopic.set(partition, memberId);
  }
  const owned = found.flatMap((topic) =>
    topic ? [{ ...topic, partitions: [...(owners.get(topic.topicId)?.keys() ?? [])] }] : [],
  );
  return { owners, items: byItem(setOf(owned)) };
}

async function fenceItem(fence: Fence, found: Item): Promise<Fenced> {
  const { generation } = fence;
  let item: Item | undefined = found;
  for (let attempt = 0; attempt < tries && item; attempt++) {
    const terms = slotsOf(item).map((partition) => ownershipOf(item, partition).term);
    if (terms.some((term) => term > generation)) return 'overtaken';
    const isDone = terms.every((term) => term === generation);
    if (isDone) return 'done';
    const result = await fence.context.table.write(writeOf(fence, itemOf(item)));
    if (result.applied) return 'done';
    item = result.old;
  }
  return 'again';
}

const itemOf = (item: Item): ItemPartitions => ({
  ...{ topic: topicNameOf(item), topicId: topicIdOf(item) },
  partitions: slotsOf(item),
});

function slotsOf({ sk }: Item): number[] {
  const first = Number(sk.slice(sk.indexOf('/') + 1)) * partitionsPerOffsetsItem;
  return Array.from({ length: partitionsPerOffsetsItem }, (_, index) => first + index);
}

/** All slots of the item, also those that nobody owns. */
function writeOf({ groupId, generation, owners }: Fence, item: ItemPartitions) {
  const ofTopic = owners.get(item.topicId);
  const areOlder = item.partitions.map((partition) => notFencedSince(partition, generation));
  const changes = item.partitions.map((partition) => fenceAt(partition, generation, ofTopic?.get(partition)));
  return updateOf(groupId, item, [all(...areOlder)], changes);
}

/** False if one of them was made meanwhile, or if the generation is over. */
async function makeItems(fence: Fence, items: readonly ItemPartitions[]): Promise<boolean> {
  const { context, groupId, generation } = fence;
  for (let from = 0; from < items.length; from += newItemsPerStep) {
    const step = items.slice(from, from + newItemsPerStep).map((item) => writeOf(fence, allSlots(item)));
    const isCurrent = isBeingFenced(generation);
    const check = { kind: 'check', key: groupHeadKey(groupId), if: isCurrent } as const;
    const result = await context.table.transact([...step, check], randomName(context.clock));
    if (!result.applied) return false;
  }
  return true;
}

const allSlots = (item: ItemPartitions): ItemPartitions => {
  const first = Math.floor(item.partitions[0]! / partitionsPerOffsetsItem) * partitionsPerOffsetsItem;
  return { ...item, partitions: Array.from({ length: partitionsPerOffsetsItem }, (_, index) => first + index) };
};
