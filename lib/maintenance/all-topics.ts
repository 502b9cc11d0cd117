// All topics, in the order of their keys, page by page.
import type { TopicSummary } from '../api/topics.ts';
import type { Topics } from '../topic/topics.ts';

export async function allTopics({ list }: Pick<Topics, 'list'>): Promise<TopicSummary[]> {
  const topics: TopicSummary[] = [];
  for (let more = true; more; ) {
    const last = topics.at(-1)?.topic;
    const page = await list({ limit: 1000, ...(last !== undefined && { after: last }) });
    topics.push(...page.topics);
    more = page.more;
  }
  return topics;
}
