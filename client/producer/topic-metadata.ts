// This cache holds what a producer must know of a topic: its number of partitions, its id, and the largest batch. The key
// is the name. An entry is read again when it is old, because partitions may have been added, and when an answer shows
// that it is wrong.

import { limits } from '../../lib/api/limits.ts';
import type { Clock } from '../../lib/runtime/clock.ts';
import type { Connection } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import { type RetryPolicy, retrying } from '../transport/retry.ts';

export type TopicMetadata = {
  readonly topic: string;
  /** 22 characters of base64url. A re-created topic of the same name has another id. */
  readonly topicId: string;
  readonly partitions: number;
  readonly maxMessageBytes: number;
};

export type TopicMetadataCache = {
  /** Returns the cached entry without waiting, or undefined if there is none. An old entry is renewed in the background. */
  peek(topic: string): TopicMetadata | undefined;
  /** Sends a request, which concurrent callers share. Throws RivuletClientError. */
  refresh(topic: string): Promise<TopicMetadata>;
  forget(topic: string): void;
};

type Entry = { readonly metadata: TopicMetadata; readonly readMs: number };

type TopicDocument = {
  readonly topicId: string;
  readonly partitions: number;
  readonly config: readonly { readonly name: string; readonly value: string }[];
};

export function createTopicMetadataCache(
  connection: Connection,
  clock: Clock,
  retry: RetryPolicy,
  maxAgeMs = 300_000,
): TopicMetadataCache {
  const known = new Map<string, Entry>();
  const asked = new Map<string, Promise<TopicMetadata>>();

  async function read(topic: string): Promise<TopicMetadata> {
    try {
      const metadata = await retrying(clock, retry, () => readTopic(connection, topic));
      known.set(topic, { metadata, readMs: clock.monotonic() });
      return metadata;
    } finally {
      asked.delete(topic);
    }
  }

  function refresh(topic: string): Promise<TopicMetadata> {
    const running = asked.get(topic) ?? read(topic);
    asked.set(topic, running);
    return running;
  }

  function peek(topic: string): TopicMetadata | undefined {
    const entry = known.get(topic);
    // A failed renewal must not fail the caller. The old entry still serves, and an answer shows if it is wrong.
    if (entry && clock.monotonic() - entry.readMs > maxAgeMs) refresh(topic).catch(() => undefined);
    return entry?.metadata;
  }

  return { peek, refresh, forget: (topic) => known.delete(topic) };
}

async function readTopic(connection: Connection, topic: string): Promise<TopicMetadata> {
  const call = { method: 'GET', path: paths.topic(topic), query: { partitionsLimit: 1 }, writes: false } as const;
  const { topicId, partitions, config } = await connection.ask<TopicDocument>(call);
  const named = config.find((entry) => entry.name === 'max.message.bytes')?.value;
  return { topic, topicId, partitions, maxMessageBytes: Number(named ?? limits.defaultMaxMessageBytes) };
}
