// The refusals of requests about topics.
import type { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { refused } from '../api/refusal.ts';
import type { TopicSummary } from '../api/topics.ts';
import type { Item } from '../storage/table.ts';

export function checkPartitions(partitions: number): void {
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= limits.partitions) return;
  throw refused(
    'INVALID_PARTITIONS',
    `partitions: expected a whole number from 1 to ${limits.partitions}, got ${partitions}`,
  );
}

export function alreadyExists(name: string, old: Item | undefined): RivuletError {
  if (old && old.name !== name) {
    return refused(
      'INVALID_TOPIC_EXCEPTION',
      `topic name ${name} collides with ${old.name}, because metric names do not distinguish . and _`,
    );
  }
  return refused('TOPIC_ALREADY_EXISTS', `topic ${name} already exists`);
}

export function checkId({ topic: name, topicId: current }: Pick<TopicSummary, 'topic' | 'topicId'>, topicId: string | undefined): void {
  if (topicId === undefined || topicId === current) return;
  throw refused(
    'INCONSISTENT_TOPIC_ID',
    `topicId: expected ${current}, got ${topicId}: topic ${name} was deleted and re-created, or the id is of another topic`,
  );
}

export const unknownTopic = (name: string) =>
  refused('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${JSON.stringify(name.slice(0, 300))}`);

export const sleptOn = (name: string, ageMs: number, mostMs: number) =>
  refused(
    'REQUEST_TIMED_OUT',
    `topic ${name} was not changed: the request is ${ageMs} ms old, above the limit of ${mostMs}`,
  );
