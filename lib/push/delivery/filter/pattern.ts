// A filter pattern against a JSON value, as EventBridge does it: a pattern has the structure of what it matches. All its
// members must be met, and within a list of rules one. One element of an array in the value must be met, and by all members
// of the pattern's object together.
//
// Invariant: a place of the pattern meets only the values at the same place, each once. So the time grows with the value,
// and not with its nesting.
import { fieldName, unexpected } from '../../../api/refusal.ts';
import { compileRules, isScalar, type Scalar } from './rules.ts';

/** Undefined stands for a place where there is nothing. */
export type Matches = (value: unknown) => boolean;

const OR = '$or';

/** Throws INVALID_REQUEST, and names the place in the pattern. */
export function compilePattern(pattern: unknown, where: string, path: readonly PropertyKey[] = []): Matches {
  if (Array.isArray(pattern)) {
    const meets = compileRules(pattern, where, path);
    return (value) => meets(scalarsOf(value));
  }
  if (!isObject(pattern) || Object.keys(pattern).length === 0)
    throw unexpected(fieldName(where, path), 'a list of rules, or an object with at least one member', pattern);
  const members = Object.entries(pattern).map(([name, below]) => compileMember(name, below, where, path));
  const meetsAll: Matches = (value) => members.every((meets) => meets(value));
  return (value) => (Array.isArray(value) ? value.some((one) => meetsAll(one)) : meetsAll(value));
}

function compileMember(name: string, below: unknown, where: string, path: readonly PropertyKey[]): Matches {
  if (name === OR && Array.isArray(below)) return compileOr(below, where, [...path, name]);
  const meets = compilePattern(below, where, [...path, name]);
  return (value) => meets(isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined);
}

function compileOr(choices: readonly unknown[], where: string, path: readonly PropertyKey[]): Matches {
  if (choices.length < 2) throw unexpected(fieldName(where, path), 'at least two objects', choices);
  const compiled = choices.map((choice, at) => {
    if (!isObject(choice)) throw unexpected(fieldName(where, [...path, at]), 'an object', choice);
    return compilePattern(choice, where, [...path, at]);
  });
  return (value) => compiled.some((meets) => meets(value));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A rule is for values at the leaves: of an array each element counts, and an object is none. */
function scalarsOf(value: unknown): readonly Scalar[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flat(Number.POSITIVE_INFINITY).filter(isScalar);
  return isScalar(value) ? [value] : [];
}

/** The comparisons that a value may cost at one place: each list of rules is one, and each rule that is no plain value. */
export function costOf(pattern: unknown): number {
  if (isScalar(pattern)) return 0;
  if (Array.isArray(pattern)) return 1 + pattern.filter((rule) => !isScalar(rule)).length;
  const members = Object.entries(pattern as object);
  return members.reduce((sum, [name, below]) => sum + (name === OR ? costOfOr(below) : costOf(below)), 0);
}

const costOfOr = (choices: unknown): number =>
  Array.isArray(choices) ? choices.reduce<number>((sum, choice) => sum + costOf(choice), 0) : costOf(choices);
