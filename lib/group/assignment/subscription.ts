// Finds the topics that a subscription stands for: those that it names, and those whose whole name matches its RE2
// expression, as in Kafka's coordinator. RE2 takes linear time in the name. But a few counted repetitions can take a
// hundred thousand steps for each character, so the compiled size is bounded too, and no expression is catastrophic.

import { RE2JS } from 're2js';
import { limits } from '../../api/limits.ts';
import { refused } from '../../api/refusal.ts';
import { newCache } from '../../runtime/cache.ts';
import type { Subscription } from '../items/member.ts';
import type { AssignableTopic } from './problem.ts';

/** Compiling an expression costs a thousand times as much as matching one name. */
const compiled = newCache<RE2JS>(200);

/** Throws INVALID_REGULAR_EXPRESSION with the reason. */
export function compileRegex(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known) return known;
  if (pattern.length > limits.regexLength)
    throw invalid(`expected at most ${limits.regexLength} characters, got ${pattern.length}`);
  const regex = compile(pattern);
  const size = regex.programSize();
  if (size > limits.regexInstructions)
    throw invalid(
      `expected at most ${limits.regexInstructions} instructions when compiled, got ${size}: use fewer counted repetitions`,
    );
  compiled.set(pattern, regex);
  return regex;
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw invalid(
      `expected an RE2 expression, got ${JSON.stringify(pattern.slice(0, 100))}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const invalid = (reason: string) => refused('INVALID_REGULAR_EXPRESSION', `subscribedTopicRegex: ${reason}`);

/** Returns the ids of the subscribed topics that exist. A topic that does not exist yet may appear later. */
export function topicIdsOf(subscription: Subscription, topics: readonly AssignableTopic[]): string[] {
  const names = new Set(subscription.topics);
  const regex = subscription.regex === '' ? undefined : compileRegex(subscription.regex);
  return topics.filter(({ topic }) => names.has(topic) || regex?.matches(topic)).map(({ topicId }) => topicId);
}
