// The operations of IncrementalAlterConfigs on the configurations that a topic has. To add to a list, or to take away from it,
// depends on what the list is, so the engine applies the operations to the very values that it replaces.
import { refused } from '../lib/api/refusal.ts';
import { configValue, isConfigName, isListConfig, unknownConfig } from '../lib/topic/config.ts';

const operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export type ConfigOperation = {
  readonly name: string;
  readonly configOperation: number;
  readonly value: string | null;
};

type Overrides = Readonly<Record<string, string>>;

/** To put back a default changes nothing where nothing can be set. */
export const isDeletion = ({ configOperation }: ConfigOperation): boolean => configOperation === operation.delete;

/** Throws INVALID_CONFIG or INVALID_REQUEST. null goes back to the default. */
export const changesOf = (operations: readonly ConfigOperation[], set: Overrides): Record<string, string | null> =>
  Object.fromEntries(operations.map((one) => [one.name, valueAfter(one, set)]));

function valueAfter({ name, configOperation, value }: ConfigOperation, set: Overrides): string | null {
  if (configOperation === operation.delete) return null;
  if (value === null) throw refused('INVALID_REQUEST', `${name}: expected a value, got null`);
  if (configOperation === operation.set) return value;
  const [today, given] = [listOf(name, set), new Set(partsOf(value))];
  if (configOperation === operation.append) return [...new Set([...today, ...given])].join(',');
  if (configOperation === operation.subtract) return today.filter((part) => !given.has(part)).join(',');
  throw refused('INVALID_REQUEST', `${name}: expected the operation 0, 1, 2 or 3, got ${configOperation}`);
}

function listOf(name: string, set: Overrides): readonly string[] {
  if (!isConfigName(name)) throw unknownConfig(name);
  if (!isListConfig(name))
    throw refused('INVALID_CONFIG', `${name}: expected the operation SET, because it has one value`);
  return partsOf(configValue(set, name));
}

const partsOf = (list: string): string[] =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
