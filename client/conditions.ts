// Conditions on messages: `FIELD OPERATOR TEXT`, like `key=42`, `headers.source~web` or `$.user.name!=Ada`. A field alone asks
// whether it is there. `rivulet consume --filter` and the console take them.
//
// Invariant: a condition never takes longer than linear time in the record, and no record makes it throw.
import { deserializerOf } from './deserializers.ts';
import type { ConsumedMessage } from './message.ts';

type Properties = Readonly<Record<string, string>>;
type Filtered = Pick<ConsumedMessage, 'key' | 'value' | 'headers'>;

/** Undefined means that the record has no such field. */
type Value = string | number | boolean | null | undefined;
type Field = (message: Filtered) => Value;
type Operator = (value: Value, text: string) => boolean;

export type Condition = { readonly field: string; readonly operator?: string; readonly text: string };

const numeric = (compare: (difference: number) => boolean): Operator => {
  return (value, text) => {
    if (value === undefined || value === null || value === '' || typeof value === 'boolean') return false;
    return compare(Number(value) - Number(text));
  };
};

const isEqual: Operator = (value, text) => value !== undefined && String(value) === text;

const operators: Readonly<Record<string, Operator>> = {
  '!=': (value, text) => !isEqual(value, text),
  '>=': numeric((difference) => difference >= 0),
  '<=': numeric((difference) => difference <= 0),
  '=': isEqual,
  '~': (value, text) => value !== undefined && value !== null && String(value).includes(text),
  '>': numeric((difference) => difference > 0),
  '<': numeric((difference) => difference < 0),
};

const CONDITION = /^([^=~<>!]+)(?:(!=|>=|<=|=|~|>|<)(.*))?$/s;

const FORM = 'It must be a field, or FIELD OPERATOR TEXT with one of = != ~ < <= > >=.';

/**
 * `key = 42` means `key=42`: spaces behind an operator belong to the text only if there are none in front of it. Throws an Error
 * with a sentence that says what is wrong.
 */
export function parseCondition(text: string): Condition {
  const [, field, operator, given = ''] = CONDITION.exec(text) ?? [];
  if (field === undefined) throw new Error(FORM);
  if (operator === '=' && given.startsWith('='))
    throw new Error('The operator must be one of = != ~ < <= > >=, got ==.');
  if (operator === undefined && /^(key|value)\s+\S/.test(field)) throw new Error(FORM);
  const operand = /\s$/.test(field) ? given.trimStart() : given;
  if (operator && '<=>='.includes(operator) && operator !== '=' && !Number.isFinite(Number(operand || Number.NaN)))
    throw new Error(`Behind ${operator} there must be a number.`);
  fieldOf(field.trim(), {});
  return { field: field.trim(), ...(operator && { operator }), text: operand };
}

/** @returns a function that answers whether all conditions hold for a message. */
export function filterOf(
  conditions: readonly Condition[],
  properties: Properties = {},
): (message: Filtered) => boolean {
  const checks = conditions.map(({ field, operator, text }) => {
    const valueIn = fieldOf(field, properties);
    if (operator === undefined) return (message: Filtered) => valueIn(message) !== undefined;
    return (message: Filtered) => operators[operator]!(valueIn(message), text);
  });
  return (message) => checks.every((holds) => holds(message));
}

function fieldOf(name: string, properties: Properties): Field {
  if (name === 'key') return textOf((message) => message.key, properties['key.deserializer']);
  if (name === 'value') return textOf((message) => message.value, properties['value.deserializer']);
  if (name.startsWith('headers.')) return headerOf(name.slice('headers.'.length));
  if (name.startsWith('$')) return jsonAt(stepsOf(name));
  throw new Error('The field must be key, value, headers.NAME or a path in a JSON value like $.user.tags[0].');
}

const textOf =
  (bytesOf: (message: Filtered) => Buffer | null, deserializer: string | undefined): Field =>
  (message) => {
    const bytes = bytesOf(message);
    return bytes === null ? undefined : readable(bytes, deserializer);
  };

/** Bytes that the deserializer cannot read have no value. */
function readable(bytes: Buffer, deserializer: string | undefined): Value {
  try {
    return deserializerOf(deserializer)(bytes).toString();
  } catch {
    return undefined;
  }
}

/** The last one of several headers with one name counts, as in Kafka's `lastHeader`. */
const headerOf =
  (name: string): Field =>
  ({ headers }) => {
    const header = headers.findLast(({ key }) => key === name);
    return header && (header.value?.toString() ?? null);
  };

/** `$.user.tags[0]` -> ['user', 'tags', 0]. `$['a.b']` names a member with a dot. */
function stepsOf(path: string): readonly (string | number)[] {
  const steps = [...path.slice(1).matchAll(/\.([^.[\]]+)|\[(\d{1,9})\]|\['([^'\]]+)'\]|(.)/gs)];
  if (steps.some(([, , , , wrong]) => wrong !== undefined))
    throw new Error("The path must be like $.user.tags[0] or $['a.b'].");
  return steps.map(([, member, index, quoted]) => (index === undefined ? (member ?? quoted)! : Number(index)));
}

const jsonAt =
  (steps: readonly (string | number)[]): Field =>
  ({ value }) => {
    let at: unknown = value === null ? undefined : parsed(value);
    for (const step of steps) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
      at = (at as Record<string | number, unknown>)[step];
    }
    return typeof at === 'object' && at !== null ? JSON.stringify(at) : (at as Value);
  };

function parsed(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
}
