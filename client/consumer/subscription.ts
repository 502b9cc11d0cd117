// A group's consumer subscribes to topic names or to a pattern. The group itself matches the names of topics, so that all
// members agree. It uses RE2's syntax and matches the whole name.
import { invalid } from '../client-error.ts';
import type { Subscription } from '../group/group-member.ts';
import { whyNotText } from '../text.ts';

/** A RegExp matches anywhere in the name, as it does elsewhere; `i` is the only flag that may be set. */
export type SubscribeRequest = { readonly topics: readonly string[] | RegExp };

export function subscriptionOf({ topics }: SubscribeRequest): Subscription {
  if (topics instanceof RegExp) return { regex: wholeName(topics) };
  if (!Array.isArray(topics) || topics.length === 0)
    throw invalid(`topics: expected a list of at least one topic, or a RegExp, got ${JSON.stringify(topics)}`);
  for (const [at, name] of topics.entries()) check(`topics[${at}]`, name);
  return { topics: [...new Set(topics)] };
}

function wholeName({ source, flags }: RegExp): string {
  const wrong = flags.replace(/[iu]/g, '');
  check('topics', source);
  if (wrong !== '') throw invalid(`topics: expected a RegExp without flags other than i and u, got ${flags}`);
  return `${flags.includes('i') ? '(?i)' : ''}.*(?:${source}).*`;
}

function check(field: string, text: unknown): void {
  const wrong = whyNotText(text);
  if (wrong) throw invalid(`${field}: ${wrong}`);
}
