// What a subscription stands for: topics by name, and those whose whole name an expression of RE2 matches, as Kafka's
// coordinator does it. RE2 takes linear time in the name, but a few counted repetitions make a hundred thousand steps of
// each character: so the compiled size is bounded too, and no expression is catastrophic.
import { RE2JS } from 're2js';
import { RivuletError } from '../../api/errors.ts';
import { limits } from '../../api/limits.ts';
import { newCache } from '../../runtime/cache.ts';
import type { Subscription } from '../items/member.ts';
import type { AssignableTopic } from './problem.ts';

/** Compiling costs a thousand times what matching one name does. */
const compiled = newCache<RE2JS>(200);

/** Throws INVALID_REGULAR_EXPRESSION with the reason. */
export function compileRegex(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known) return known;
  if (pattern.length > limits.regexLength)
    throw invalid(`has ${pattern.length} characters, above the limit of ${limits.regexLength}`);
  const regex = compile(pattern);
  const size = regex.programSize();
  if (size > limits.regexInstructions)
    throw invalid(
      `compiles to ${size} instructions, above the limit of ${limits.regexInstructions}: repeat less in it by counts`,
    );
  compiled.set(pattern, regex);
  return regex;
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw invalid(
      `${JSON.stringify(pattern.slice(0, 100))}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

const invalid = (reason: string) =>
  new RivuletError('INVALID_REGULAR_EXPRESSION', `subscribedTopicRegex ${reason}`, { outcome: 'not-written' });

/** The ids of the topics, among those there are. Names that are not there may appear later. */
export function topicIdsOf(subscription: Subscription, topics: readonly AssignableTopic[]): string[] {
  const names = new Set(subscription.topics);
  const regex = subscription.regex === '' ? undefined : compileRegex(subscription.regex);
  return topics.filter(({ topic }) => names.has(topic) || regex?.matches(topic)).map(({ topicId }) => topicId);
}
