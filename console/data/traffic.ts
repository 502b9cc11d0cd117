// The metrics for Prometheus say what has gone through the service since it started. `rivulet serve` has them beside the
// console. `rivulet console` has none, because the functions of a deployment keep theirs in CloudWatch.
import { queryOptions } from '@tanstack/react-query';

export type Traffic = {
  readonly recordsIn: number;
  readonly bytesIn: number;
  readonly recordsOut: number;
  readonly bytesOut: number;
  /** Requests to storage, at list price. */
  readonly usd: number;
  readonly startedMs: number;
};

/** The sum over the labels of a metric. */
function sumIn(text: string, name: string): number {
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Null where there are no metrics. */
export const traffic = (everyMs: number) =>
  queryOptions({
    queryKey: ['traffic'],
    queryFn: async ({ signal }): Promise<Traffic | null> => {
      const answer = await fetch('/metrics/process', { signal });
      if (!answer.ok) return null;
      const text = await answer.text();
      const total = (what: string): number => sumIn(text, `rivulet_topic_${what}_total`);
      return {
        ...{ recordsIn: total('records_in'), bytesIn: total('bytes_in') },
        ...{ recordsOut: total('records_out'), bytesOut: total('bytes_out') },
        usd: sumIn(text, 'rivulet_storage_cost_usd_total'),
        startedMs: sumIn(text, 'process_start_time_seconds') * 1_000,
      };
    },
    refetchInterval: ({ state }) => (state.data === null ? false : everyMs),
  });
