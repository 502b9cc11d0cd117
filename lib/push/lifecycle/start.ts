// Sets every partition of a new subscription to its start. This takes the partitions away from everything before: the epoch
// refuses members, and without an owner the runs of an earlier subscription are refused too.
import type { SubscriptionSettings } from '../../api/push.ts';
import { beingChanged } from '../../group/context.ts';
import { freeAt, inTerm, setOffset } from '../../group/items/ownership.ts';
import { type Entry, type Rules, writeOwnership } from '../../group/items/write-ownership.ts';
import { offsets } from '../../log/offsets.ts';
import { newUnpackBudget } from '../../record/unpack.ts';
import { equals } from '../../storage/table.ts';
import { allPartitions } from '../../topic/partitions.ts';
import type { Topic } from '../../topic/topics.ts';
import type { PushContext } from '../context.ts';
import type { Subscription } from '../items/subscription.ts';

type Start = Entry & { readonly offset: number };

/** A repeat leaves the partitions that have their start: LATEST would skip what was appended since. */
export async function setStarts(context: PushContext, subscription: Subscription, topic: Topic): Promise<void> {
  const starts = await startsOf(context, subscription.settings, topic);
  const errors = await writeOwnership(context, subscription.groupId, starts, rulesOf(context, subscription));
  const [error] = errors.values();
  if (error) throw error;
}

function rulesOf({ clock }: PushContext, { groupId, id, epoch }: Subscription): Rules<Start> {
  const committedMs = clock.now();
  return {
    readsFirst: true,
    ifNew: equals('su', id),
    judge: (_start, { term }) => {
      const isSet = term === epoch;
      const isOfLater = term > epoch;
      if (isOfLater) return beingChanged(groupId);
      return isSet ? 'done' : 'write';
    },
    condition: ({ partition }, ownership) => inTerm(partition, ownership!),
    change: ({ partition, offset }) => {
      const free = freeAt(partition, epoch);
      const start = setOffset(partition, { offset, committedMs });
      return { set: [...free.set, ...start.set], remove: [...free.remove, ...start.remove] };
    },
  };
}

async function startsOf({ log }: PushContext, settings: SubscriptionSettings, topic: Topic): Promise<Start[]> {
  const at = async (when: 'earliest' | 'latest' | number) => {
    const asked = { topic: topic.topic, topicId: topic.topicId, partitions: allPartitions(topic) };
    return (await offsets(log, { ...asked, at: when, budget: newUnpackBudget() })).partitions;
  };
  const { startingPosition, startingPositionTimestampMs } = settings;
  const found = await at(
    startingPosition === 'TRIM_HORIZON'
      ? 'earliest'
      : startingPosition === 'LATEST'
        ? 'latest'
        : startingPositionTimestampMs!,
  );
  // No record is as young as that: delivery begins with the next one.
  const ends = found.some(({ offset }) => offset === -1) ? await at('latest') : found;
  return found.map(({ partition, offset }, index) => ({
    ...{ topic: topic.topic, topicId: topic.topicId, partition },
    offset: offset === -1 ? ends[index]!.offset : offset,
  }));
}
