// Newer requests name topics by their ids, and the engine knows them by their names. This keeps the names of the ids that
// were seen. A name may be old: the engine compares the id and refuses a topic that was deleted and re-created.
import type { Engine } from '../lib/api/engine.ts';
import { newCache } from '../lib/runtime/cache.ts';
import type { Clock } from '../lib/runtime/clock.ts';

export type TopicNames = {
  learn(topic: { readonly topic: string; readonly topicId: string }): void;
  /** Undefined if no topic has the id. A look at all topics finds one that was not seen before. */
  nameOf(topicId: string): Promise<string | undefined>;
};

const namesKept = 10_000;
/** A client asks for the id of a deleted topic again and again. All topics are looked at this often for it. */
const missingMs = 1_000;

export function createTopicNames(engine: Pick<Engine, 'listTopics'>, clock: Pick<Clock, 'monotonic'>): TopicNames {
  const names = newCache<string>(namesKept);
  const missingSince = newCache<number>(namesKept);
  let listing: Promise<void> | undefined;

  const learn: TopicNames['learn'] = ({ topic, topicId }) => void names.set(topicId, topic);

  async function list(): Promise<void> {
    try {
      for (const topic of await allTopics(engine)) learn(topic);
    } finally {
      listing = undefined;
    }
  }

  return {
    learn,
    async nameOf(topicId) {
      const missed = missingSince.get(topicId);
      const isMissing = missed !== undefined && clock.monotonic() - missed < missingMs;
      if (names.has(topicId) || isMissing) return names.get(topicId);
      listing ??= list();
      await listing;
      if (!names.has(topicId)) missingSince.set(topicId, clock.monotonic());
      return names.get(topicId);
    },
  };
}

const pageTopics = 1_000;

export async function allTopics(engine: Pick<Engine, 'listTopics'>) {
  const topics = [];
  for (let after: string | undefined; ; ) {
    const page = await engine.listTopics({ limit: pageTopics, ...(after !== undefined && { after }) });
    topics.push(...page.topics);
    if (!page.more) return topics;
    after = topics.at(-1)!.topic;
  }
}
