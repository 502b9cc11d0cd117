// Checks the names of topics by Kafka's rule. Groups and transactional ids follow the same rule.

import { limits, reservedNames } from '../api/limits.ts';
import { refused } from '../api/refusal.ts';

const pattern = /^[a-zA-Z0-9._-]+$/;

/** Throws INVALID_TOPIC_EXCEPTION with the reason. */
export function checkTopicName(name: string): void {
  const reason = whyInvalidName(name);
  if (reason) throw refused('INVALID_TOPIC_EXCEPTION', `topic name ${JSON.stringify(name.slice(0, 300))} ${reason}`);
}

/** Returns the reason why a name is not valid, in words that follow the name; undefined if it is valid. */
export function whyInvalidName(name: string): string | undefined {
  if (name.length === 0) return 'is empty';
  if (name.length > limits.nameLength) return `has ${name.length} characters, above the limit of ${limits.nameLength}`;
  if (name === '.' || name === '..') return 'must not be . or ..';
  if (!pattern.test(name)) return 'may only have ASCII letters, digits, dots, underscores and hyphens';
  if (reservedNames.includes(name)) return 'is reserved';
  return undefined;
}
