// The shared code of the parts of the Table contract: the table under test, items for one test alone, and short names for
// requests.
import fc from 'fast-check';
import type { Check, Condition, Item, Key, Table, Update, Value, Write } from '../../../lib/storage/table.ts';

export type Subject = {
  readonly write: Table['write'];
  readonly transact: Table['transact'];
  readonly query: Table['query'];
  readonly getMany: Table['getMany'];
  /** Reads strongly. */
  get(key: Key): Promise<Item | undefined>;
  weakGet(key: Key): Promise<Item | undefined>;
  /** Reads strongly, in as many requests as it takes. */
  readMany(keys: readonly Key[], onItem: (item: Item) => void): Promise<void>;
  /** A key in a partition that no other test uses. */
  ownKey(sk?: string): Key;
  /** Puts an item with these attributes in a partition of its own. */
  seed(attributes: Record<string, Value>): Promise<Item>;
};

export const bin = (...bytes: number[]) => Uint8Array.from(bytes);
export const byUtf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
export const keyOf = ({ pk, sk }: Item): Key => ({ pk, sk });

export const put = (item: Item, condition?: Condition): Write => ({
  kind: 'put',
  item,
  ...(condition && { if: condition }),
});
export const update = (key: Key, change: Update, condition?: Condition): Write => ({
  kind: 'update',
  key,
  update: change,
  ...(condition && { if: condition }),
});
export const remove = (key: Key, condition?: Condition): Write => ({
  kind: 'delete',
  key,
  ...(condition && { if: condition }),
});
export const check = (key: Key, condition: Condition): Check => ({ kind: 'check', key, if: condition });

export const anyScalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.maxSafeInteger().map((number) => number || 0),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.from(bytes)),
);
