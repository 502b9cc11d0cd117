// The lag of many groups, for pages that list them.
import { useQueries } from '@tanstack/react-query';
import { group } from '../data/queries.ts';
import { type Lag, lagOf } from './figures.ts';

/** More groups than this would be as many requests, each time that the page looks. */
export const mostLooks = 100;

/** Looks at the first 100 of the groups. A group is missing from the map while its lag is not known. */
export function useGroupLags(groupIds: readonly string[], live: { everyMs?: number }): ReadonlyMap<string, Lag> {
  return useQueries({
    queries: groupIds.slice(0, mostLooks).map((groupId) => group(groupId, live)),
    combine: (results) => new Map(results.flatMap(({ data }) => (data ? [[data.groupId, lagOf(data)] as const] : []))),
  });
}
