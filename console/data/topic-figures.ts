// The figures of a topic that are sums over its partitions. Invariant: sums are exact up to 2^53.
import { useQueries } from '@tanstack/react-query';
import type { PartitionDetails, TopicDescription } from '../../client/admin/topics.ts';
import { topic } from './queries.ts';

export type TopicFigures = {
  readonly records: number;
  readonly bytes: number;
  readonly partitionDetails: readonly PartitionDetails[];
  readonly config: TopicDescription['config'];
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Offsets that compaction or transactions left empty count as records: only reading tells them apart. */
const figuresOf = (of: Pick<TopicFigures, 'partitionDetails' | 'config'>): TopicFigures => ({
  records: sum(of.partitionDetails.map(({ earliest, latest }) => latest - earliest)),
  bytes: sum(of.partitionDetails.map(({ bytes }) => bytes)),
  partitionDetails: of.partitionDetails,
  config: of.config,
});

export const configOf = (config: TopicDescription['config'], name: string): string | undefined =>
  config.find((entry) => entry.name === name)?.value;

/** More topics than this would be as many requests, each time that the page looks. */
const mostLooks = 100;

/** A topic is missing from the map while its figures are not there. `lookedMs` is the time of the last look. */
type Looks = { readonly figures: ReadonlyMap<string, TopicFigures>; readonly lookedMs: number };

/** Looks at the first 100 of the topics. */
export function useTopicFigures(names: readonly string[], everyMs: number): Looks {
  const looks = names.slice(0, mostLooks);
  return useQueries({
    queries: looks.map((name) => topic(name, { everyMs })),
    combine: (results) => ({
      figures: new Map(results.flatMap(({ data }) => (data ? [[data.topic, figuresOf(data)] as const] : []))),
      lookedMs: Math.max(0, ...results.map(({ dataUpdatedAt }) => dataUpdatedAt)),
    }),
  });
}
