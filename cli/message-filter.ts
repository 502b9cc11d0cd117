// `consume --filter`: the conditions of client/conditions.ts as an option that repeats.
import { InvalidArgumentError } from 'commander';
import { type Condition, parseCondition } from '../client/conditions.ts';

/** Parses a repeatable --filter. A record is printed if all of them hold. */
export function addCondition(text: string, before: readonly Condition[] = []): readonly Condition[] {
  try {
    return [...before, parseCondition(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
