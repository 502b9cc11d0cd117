// What a group's consumer subscribes to: names, or a pattern. The group itself matches the names of topics, so that all of
// its members mean the same, with RE2's syntax and against the whole name.
import { invalid } from '../client-error.ts';
import type { Subscription } from '../group/group-member.ts';
import { whyNotText } from '../text.ts';

/** A RegExp matches anywhere in the name, as it does elsewhere; `i` is the only flag that may be set. */
export type SubscribeRequest = { readonly topics: readonly string[] | RegExp };

export function subscriptionOf({ topics }: SubscribeRequest): Subscription {
  if (topics instanceof RegExp) return { regex: wholeName(topics) };
  if (!Array.isArray(topics) || topics.length === 0) throw invalid('topics: must name a topic, or be a RegExp');
  for (const [at, name] of topics.entries()) check(`topics[${at}]`, name);
  return { topics: [...new Set(topics)] };
}

function wholeName({ source, flags }: RegExp): string {
  const wrong = flags.replace(/[iu]/g, '');
  check('topics', source);
  if (wrong !== '') throw invalid(`topics: a RegExp may have the flag i, got ${flags}`);
  return `${flags.includes('i') ? '(?i)' : ''}.*(?:${source}).*`;
}

function check(field: string, text: unknown): void {
  const wrong = whyNotText(text);
  if (wrong) throw invalid(`${field}: ${wrong}`);
}
