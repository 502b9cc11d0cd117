// What a group's consumer subscribes to: names, or a pattern. The group itself matches the names of topics, so that all of
// its members mean the same, with RE2's syntax and against the whole name.
import { invalid } from './client-error.ts';
import type { Subscription } from './group-member.ts';

/** A RegExp matches anywhere in the name, as it does elsewhere; `i` is the only flag that may be set. */
export type SubscribeRequest = { readonly topics: readonly string[] | RegExp };

export function subscriptionOf({ topics }: SubscribeRequest): Subscription {
  if (topics instanceof RegExp) return { regex: wholeName(topics) };
  const names = [...new Set(topics)];
  if (names.length === 0) throw invalid('topics: must name a topic, or be a RegExp');
  return { topics: names };
}

function wholeName({ source, flags }: RegExp): string {
  const wrong = flags.replace(/[iu]/g, '');
  if (wrong !== '') throw invalid(`topics: a RegExp may have the flag i, got ${flags}`);
  return `${flags.includes('i') ? '(?i)' : ''}.*(?:${source}).*`;
}
