// How many partitions a topic has, for requests about partitions that change nothing.
import { RivuletError } from '../lib/api/errors.ts';
import type { Gateway } from './api.ts';

/** 0 if there is no such topic. */
export async function partitionsOf({ engine }: Gateway, topic: string): Promise<number> {
  try {
    return (await engine.describeTopic(topic)).partitions;
  } catch (error) {
    if (error instanceof RivuletError && error.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') return 0;
    throw error;
  }
}
