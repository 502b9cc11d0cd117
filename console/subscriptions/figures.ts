// The failures that the descriptions of subscriptions tell of, as the list and the page of one subscription show it.
import { useQueries } from '@tanstack/react-query';
import type { SubscriptionDescription, SubscriptionPartition } from '../../client/admin/subscription-admin.ts';
import type { FailureDestination, SubscriptionRef } from '../../lib/api/push.ts';
import { subscription } from '../data/queries.ts';

export type Failing = SubscriptionPartition & { readonly failing: NonNullable<SubscriptionPartition['failing']> };

const isFailing = (of: SubscriptionPartition): of is Failing => of.failing !== undefined;

/** The partition that has failed most often comes first. */
export const failingOf = ({ partitions }: SubscriptionDescription): readonly Failing[] =>
  partitions.filter(isFailing).toSorted((a, b) => b.failing.attempts - a.failing.attempts);

export const destinationText = (destination: FailureDestination | undefined): string => {
  if (destination === undefined) return '-';
  return 'topic' in destination ? destination.topic : destination.queue;
};

/** More subscriptions than this would be as many requests, each time that the page looks. */
export const mostLooks = 100;

type Descriptions = ReadonlyMap<string, SubscriptionDescription>;

/** The keys are the groups: a group has at most one. A subscription is missing from the map while it is not described. */
export function useDescriptions(refs: readonly SubscriptionRef[], live: { everyMs?: number }): Descriptions {
  return useQueries({
    queries: refs.slice(0, mostLooks).map((ref) => subscription(ref, live)),
    combine: (results) => new Map(results.flatMap(({ data }) => (data ? [[data.groupId, data] as const] : []))),
  });
}
