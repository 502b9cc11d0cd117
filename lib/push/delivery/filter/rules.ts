// The rules for one value in a filter pattern: `[ "EUR", { "prefix": "US" }, { "numeric": [ ">", 10 ] } ]`. A value meets the
// list if it meets one of its rules. The words are EventBridge's, those that Lambda knows.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
//
// Invariant: to hold a value against a list takes one look-up for all plain values, and one comparison for each other rule.
import { fieldName, unexpected } from '../../../api/refusal.ts';

export type Scalar = string | number | boolean | null;
type Test = (value: Scalar) => boolean;

/** Whether the values at one place meet the rules. No value means that there is nothing at that place. */
export type ValuesTest = (values: readonly Scalar[]) => boolean;

/** `path` leads to the list, for the error. Throws INVALID_REQUEST. */
export function compileRules(rules: readonly unknown[], where: string, path: readonly PropertyKey[]): ValuesTest {
  if (rules.length === 0) throw unexpected(fieldName(where, path), 'at least one rule', rules);
  const exact = new Set<Scalar>(rules.filter(isScalar));
  const others = rules.flatMap((rule, at) => (isScalar(rule) ? [] : [compileRule(rule, where, [...path, at])]));
  return (values) => values.some((value) => exact.has(value)) || others.some((test) => test(values));
}

export const isScalar = (rule: unknown): rule is Scalar => rule === null || typeof rule !== 'object';

function compileRule(rule: unknown, where: string, path: readonly PropertyKey[]): ValuesTest {
  const [name, argument] = theOneMember(rule) ?? ['', undefined];
  if (name === 'exists') {
    if (typeof argument !== 'boolean') throw unexpected(fieldName(where, [...path, name]), 'true or false', argument);
    return (values) => values.length > 0 === argument;
  }
  const test = compileTest(name, argument);
  if (test === undefined) throw unexpected(fieldName(where, path), KNOWN_RULES, rule);
  return (values) => values.some(test);
}

const KNOWN_RULES =
  'a value, or one of {"exists": true}, {"prefix": "a"}, {"suffix": "a"}, {"equals-ignore-case": "a"}, ' +
  '{"anything-but": ["a"]}, {"numeric": [">", 1]}';

function theOneMember(rule: unknown): readonly [string, unknown] | undefined {
  const members = Object.entries(rule as object);
  return Array.isArray(rule) || members.length !== 1 ? undefined : members[0];
}

/** Undefined stands for a rule that does not exist, or has a wrong argument. */
function compileTest(name: string, argument: unknown): Test | undefined {
  switch (name) {
    case 'prefix':
      return ofText(argument, (value, text) => value.startsWith(text));
    case 'suffix':
      return ofText(argument, (value, text) => value.endsWith(text));
    case 'equals-ignore-case':
      return typeof argument === 'string' ? ofText({ [name]: argument }, (value, text) => value === text) : undefined;
    case 'anything-but':
      return anythingBut(argument);
    case 'numeric':
      return numeric(argument);
    default:
      return undefined;
  }
}

/** The argument is a text, or `{"equals-ignore-case": text}`. */
function ofText(argument: unknown, compare: (value: string, text: string) => boolean): Test | undefined {
  if (typeof argument === 'string') return (value) => typeof value === 'string' && compare(value, argument);
  const [name, text] = (typeof argument === 'object' && argument !== null && theOneMember(argument)) || [];
  if (name !== 'equals-ignore-case' || typeof text !== 'string') return undefined;
  const lower = text.toLowerCase();
  return (value) => typeof value === 'string' && compare(value.toLowerCase(), lower);
}

/** The argument is a value, a list of values, or another rule for texts. */
function anythingBut(argument: unknown): Test | undefined {
  const refused = Array.isArray(argument) ? argument : [argument];
  if (refused.length > 0 && refused.every(isTextOrNumber)) {
    const known = new Set<Scalar>(refused);
    return (value) => !known.has(value);
  }
  const [name, text] = (!Array.isArray(argument) && typeof argument === 'object' && theOneMember(argument ?? {})) || [];
  if (name !== 'prefix' && name !== 'suffix' && name !== 'equals-ignore-case') return undefined;
  const test = compileTest(name, text);
  return test && ((value) => !test(value));
}

const isTextOrNumber = (value: unknown): value is string | number =>
  typeof value === 'string' || typeof value === 'number';

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

/** `[">", 0, "<=", 5]`: one comparison, or two that both hold. */
function numeric(argument: unknown): Test | undefined {
  if (!Array.isArray(argument) || (argument.length !== 2 && argument.length !== 4)) return undefined;
  const [first, second] = [comparisonOf(argument.slice(0, 2)), comparisonOf(argument.slice(2))];
  if (first === undefined || (second === undefined && argument.length === 4)) return undefined;
  return (value) => typeof value === 'number' && first(value) && (second?.(value) ?? true);
}

function comparisonOf([name, bound]: readonly unknown[]): ((value: number) => boolean) | undefined {
  const compare = Object.hasOwn(comparisons, String(name)) ? comparisons[String(name)] : undefined;
  return compare && typeof bound === 'number' ? (value) => compare(value, bound) : undefined;
}
