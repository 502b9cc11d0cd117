// Compiles the port's conditions and updates to DynamoDB's expressions. Every name and value becomes a placeholder, so
// reserved words, dots and user data need no care. The same input always gives the same text, because a repeated
// transaction must equal the first one to the byte.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html

import type { Condition, Path, Update, Value } from '../table.ts';
import { type Attributes, encodeValue } from './dynamodb-values.ts';

export type Expressions = {
  ConditionExpression?: string;
  UpdateExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Attributes;
};

export function compile({ condition, update }: { condition?: Condition | undefined; update?: Update }): Expressions {
  const scope = newScope();
  const compiled: Expressions = {};
  if (update) compiled.UpdateExpression = updateText(update, scope);
  if (condition) compiled.ConditionExpression = conditionText(condition, scope);
  if (scope.names.size > 0) {
    compiled.ExpressionAttributeNames = Object.fromEntries([...scope.names].map(([name, mark]) => [mark, name]));
  }
  if (Object.keys(scope.values).length > 0) compiled.ExpressionAttributeValues = scope.values;
  return compiled;
}

type Scope = {
  /** Name -> placeholder. */
  readonly names: Map<string, string>;
  readonly values: Attributes;
  path(path: Path): string;
  value(value: Value): string;
};

function newScope(): Scope {
  const names = new Map<string, string>();
  const values: Attributes = {};
  let count = 0;
  const mark = (name: string) => {
    const placeholder = names.get(name) ?? `#${names.size}`;
    names.set(name, placeholder);
    return placeholder;
  };
  return {
    names,
    values,
    path: (path) => (typeof path === 'string' ? mark(path) : path.map(mark).join('.')),
    value: (value) => {
      const placeholder = `:${count++}`;
      values[placeholder] = encodeValue(value);
      return placeholder;
    },
  };
}

// --- conditions

const comparators = { equals: '=', below: '<', atMost: '<=', above: '>', atLeast: '>=' } as const;

function conditionText(condition: Condition, scope: Scope): string {
  switch (condition.test) {
    case 'all':
      return joined(condition.of, ' AND ', scope);
    case 'any':
      return joined(condition.of, ' OR ', scope);
    case 'exists':
      return `attribute_exists(${scope.path(condition.path)})`;
    case 'absent':
      return `attribute_not_exists(${scope.path(condition.path)})`;
    case 'contains':
      return hasElement(condition.path, condition.value, scope);
    case 'lacks':
      return `(NOT ${hasElement(condition.path, condition.value, scope)})`;
    default:
      return `${scope.path(condition.path)} ${comparators[condition.test]} ${scope.value(condition.value)}`;
  }
}

/** A single part gets no parentheses, because DynamoDB refuses parentheses around parentheses. */
function joined(parts: readonly Condition[], operator: string, scope: Scope): string {
  const texts = parts.map((part) => conditionText(part, scope));
  return texts.length === 1 ? texts[0]! : `(${texts.join(operator)})`;
}

/** The type is checked too, because DynamoDB's contains() alone also finds a part of a string or of a binary. */
function hasElement(path: Path, value: Value, scope: Scope): string {
  const list = scope.path(path);
  return `(attribute_type(${list}, ${scope.value('L')}) AND contains(${list}, ${scope.value(value)}))`;
}

// --- updates

function updateText(update: Update, scope: Scope): string {
  const set = [
    ...(update.set ?? []).map(([path, value]) => `${scope.path(path)} = ${scope.value(value)}`),
    ...(update.setIfAbsent ?? []).map(([path, value]) => setIfAbsent(scope.path(path), scope.value(value))),
    ...(update.append ?? []).map(([name, elements]) => append(scope.path(name), elements, scope)),
  ];
  const add = (update.add ?? []).map(([name, amount]) => `${scope.path(name)} ${scope.value(amount)}`);
  const remove = [
    ...(update.remove ?? []).map((path) => scope.path(path)),
    ...(update.trim ?? []).map(([name, count]) => trim(scope.path(name), count)),
  ];
  const clauses = [clause('SET', set), clause('ADD', add), clause('REMOVE', remove)];
  return clauses.filter((text) => text !== '').join(' ');
}

const clause = (word: string, parts: readonly string[]) => (parts.length === 0 ? '' : `${word} ${parts.join(', ')}`);

const setIfAbsent = (path: string, value: string) => `${path} = if_not_exists(${path}, ${value})`;

function append(list: string, elements: Value, scope: Scope): string {
  return `${list} = list_append(if_not_exists(${list}, ${scope.value([])}), ${scope.value(elements)})`;
}

/** The highest index comes first. DynamoDB takes any order, but an emulator shifts the list while it removes elements. */
function trim(list: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `${list}[${count - 1 - index}]`).join(', ');
}
