// How many partitions topics have, for requests about partitions that change nothing. A topic that a request names again and
// again is looked at once.
import { RivuletError } from '../lib/api/errors.ts';
import type { Gateway } from './api.ts';

/** The function returns 0 if there is no such topic. */
export function partitionCounts(gateway: Gateway): (topic: string) => Promise<number> {
  const counts = new Map<string, Promise<number>>();
  return (topic) => {
    const count = counts.get(topic) ?? countOf(gateway, topic);
    counts.set(topic, count);
    return count;
  };
}

async function countOf({ engine }: Gateway, topic: string): Promise<number> {
  try {
    return (await engine.describeTopic(topic)).partitions;
  } catch (error) {
    if (error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') return 0;
    throw error;
  }
}
