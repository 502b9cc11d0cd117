// The meaning of the Table port in code: the checks and error texts that all adapters share, and the interpretation of
// conditions and updates for the adapters without DynamoDB (memory, SQLite).
// Where the port leaves a choice, this code chooses as DynamoDB does.
import { isScalar, itemSize } from './item-size.ts';
import { compareUtf8 } from './key-order.ts';
import { StorageError } from './storage-error.ts';
import type {
  Check,
  Condition,
  Item,
  Key,
  Path,
  Query,
  Scalar,
  TransactionResult,
  Update,
  Value,
  Write,
  WriteResult,
} from './table.ts';

/** DynamoDB's limits. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
export const tableLimits = {
  pkBytes: 2048,
  skBytes: 1024,
  nameBytes: 65_535,
  itemBytes: 409_600,
  transactionActions: 100,
  keysAtOnce: 100,
  tokenLength: 36,
  trimElements: 100,
  pageItems: 1000,
} as const;

// --- error texts

const invalid = (message: string) => new StorageError('invalid', message);

/** The item would be above the limit. For a put this is known before the write, for an update only by running it. */
export function tooLarge(key: Key): StorageError {
  return new StorageError('too-large', `the item ${nameOf(key)} would be larger than ${tableLimits.itemBytes} bytes`);
}

/** The update met a missing map or list, or an attribute of another type. */
export function doesNotFit(key: Key): StorageError {
  return invalid(`the update does not fit the item ${nameOf(key)}: a map or list is missing, or has another type`);
}

export function tokenReused(token: string): StorageError {
  return invalid(`the transaction token ${JSON.stringify(token)} was already used for other actions`);
}

const nameOf = (key: Key) => `${JSON.stringify(key.pk)} ${JSON.stringify(key.sk)}`;

// --- checks: they throw StorageError, and need only the request

export function checkKey(key: Key): void {
  checkText('pk', key.pk, tableLimits.pkBytes);
  checkText('sk', key.sk, tableLimits.skBytes);
}

export function checkKeys(keys: readonly Key[]): void {
  checkCount('the number of keys', keys.length, tableLimits.keysAtOnce);
  const names = new Set<string>();
  for (const key of keys) {
    checkKey(key);
    if (names.has(nameOf(key))) throw invalid(`the item ${nameOf(key)} is asked for twice`);
    names.add(nameOf(key));
  }
}

export function checkQuery(query: Query): void {
  checkText('pk', query.pk, tableLimits.pkBytes);
  for (const bound of ['from', 'through', 'after'] as const) {
    const sk = query[bound];
    if (sk !== undefined) checkText(bound, sk, tableLimits.skBytes);
  }
  checkCount('limit', query.limit ?? tableLimits.pageItems, tableLimits.pageItems);
}

export function checkWrite(write: Write): void {
  checkKey(keyOf(write));
  if (write.if) checkCondition(write.if);
  if (write.kind === 'put') checkItem(write.item);
  if (write.kind === 'update') checkUpdate(write.update);
}

export function checkTransaction(actions: readonly (Write | Check)[], token: string): void {
  checkCount('the number of actions', actions.length, tableLimits.transactionActions);
  checkCount('the length of the token', token.length, tableLimits.tokenLength);
  const names = new Set<string>();
  for (const action of actions) {
    if (action.kind === 'check') {
      checkKey(action.key);
      checkCondition(action.if);
    } else checkWrite(action);
    const name = nameOf(keyOf(action));
    if (names.has(name)) throw invalid(`a transaction has two actions on the item ${name}`);
    names.add(name);
  }
}

export function keyOf(action: Write | Check): Key {
  if (action.kind !== 'put') return action.key;
  return { pk: action.item.pk, sk: action.item.sk };
}

function checkItem(item: Item): void {
  for (const [name, value] of Object.entries(item)) {
    checkName(name);
    checkValue(name, value);
  }
  if (itemSize(item) > tableLimits.itemBytes) throw tooLarge(item);
}

function checkCondition(condition: Condition): void {
  if ('of' in condition) {
    if (condition.of.length === 0) throw invalid(`the condition ${condition.test} has no parts`);
    condition.of.forEach(checkCondition);
    return;
  }
  checkPath(condition.path);
  if ('value' in condition) checkScalar('the value of a condition', condition.value);
}

function checkUpdate(update: Update): void {
  const paths = pathsOf(update);
  if (paths.length === 0) throw invalid('an update has no parts');
  paths.forEach(checkPath);
  checkDisjoint(paths);
  for (const [path, value] of [...(update.set ?? []), ...(update.setIfAbsent ?? [])]) {
    if (typeof path === 'string') checkValue(path, value);
    else checkScalar(path.join('.'), value);
  }
  for (const [name, amount] of update.add ?? []) checkNumber(name, amount);
  for (const [name, elements] of update.append ?? []) checkList(name, elements);
  for (const [name, count] of update.trim ?? []) checkCount(`the trim of ${name}`, count, tableLimits.trimElements);
}

function pathsOf(update: Update): Path[] {
  const parts = [update.set, update.setIfAbsent, update.add, update.append, update.trim];
  return [...parts.flatMap((part) => (part ?? []).map(([path]) => path)), ...(update.remove ?? [])];
}

function checkDisjoint(paths: readonly Path[]): void {
  const touched = new Map<string, Set<string | undefined>>();
  for (const path of paths) {
    const { attribute, entry } = split(path);
    const entries = touched.get(attribute) ?? new Set();
    const overlaps = entry === undefined ? entries.size > 0 : entries.has(entry) || entries.has(undefined);
    if (overlaps) throw invalid(`two parts of an update touch ${JSON.stringify(path)}`);
    touched.set(attribute, entries.add(entry));
  }
}

function checkPath(path: Path): void {
  const { attribute, entry } = split(path);
  if (attribute === 'pk' || attribute === 'sk')
    throw invalid(`path: expected an attribute other than pk and sk, got ${attribute}`);
  checkName(attribute);
  if (entry !== undefined) checkName(entry);
}

/** The AWS SDK loses an attribute of the name `__proto__`. */
function checkName(name: string): void {
  checkText('attribute name', name, tableLimits.nameBytes);
  if (name === '__proto__') throw invalid('attribute name: expected any other name, got __proto__');
}

function checkValue(name: string, value: Value): void {
  if (Array.isArray(value)) checkList(name, value);
  else if (isMap(value)) {
    for (const [entry, scalar] of Object.entries(value)) {
      checkName(entry);
      checkScalar(`${name}.${entry}`, scalar);
    }
  } else checkScalar(name, value);
}

function checkList(name: string, elements: unknown): void {
  if (!Array.isArray(elements)) throw invalid(`${name}: expected a list, got ${typeName(elements)}`);
  for (const element of elements) checkScalar(`an element of ${name}`, element);
}

function checkScalar(name: string, value: unknown): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw halfCharacter(name);
  } else if (typeof value === 'number') checkNumber(name, value);
  else if (!isScalar(value)) throw invalid(`${name}: expected a string, a number or binary, got ${typeName(value)}`);
}

function checkNumber(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value)) throw invalid(`${name}: expected a safe integer, got ${String(value)}`);
}

function checkCount(name: string, count: number, most: number): void {
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw invalid(`${name}: expected 1..${most}, got ${count}`);
}

function checkText(name: string, text: unknown, mostBytes: number): void {
  if (typeof text !== 'string') throw invalid(`${name}: expected a string, got ${typeName(text)}`);
  if (!text.isWellFormed()) throw halfCharacter(name);
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > mostBytes) throw invalid(`${name}: expected 1..${mostBytes} bytes of UTF-8, got ${bytes}`);
}

const halfCharacter = (name: string) => invalid(`${name}: expected well-formed text, got half of a surrogate pair`);

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value;
}

function isMap(value: Value): value is { readonly [entry: string]: Scalar } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isScalar(value);
}

function split(path: Path): { attribute: string; entry?: string } {
  return typeof path === 'string' ? { attribute: path } : { attribute: path[0], entry: path[1] };
}

// --- conditions

function holds(condition: Condition, item: Item | undefined): boolean {
  if ('of' in condition) {
    const part = (inner: Condition) => holds(inner, item);
    return condition.test === 'all' ? condition.of.every(part) : condition.of.some(part);
  }
  const found = item && lookUp(item, condition.path);
  if (!('value' in condition)) return (condition.test === 'exists') === (found !== undefined);
  if (condition.test === 'contains') return hasElement(found, condition.value);
  if (condition.test === 'lacks') return !hasElement(found, condition.value);
  const order = compareScalars(found, condition.value);
  return order !== undefined && accepts[condition.test](order);
}

const accepts = {
  equals: (order: number) => order === 0,
  below: (order: number) => order < 0,
  atMost: (order: number) => order <= 0,
  above: (order: number) => order > 0,
  atLeast: (order: number) => order >= 0,
} as const;

function lookUp(item: { readonly [name: string]: Value }, path: Path): Value | undefined {
  const { attribute, entry } = split(path);
  const value = Object.hasOwn(item, attribute) ? item[attribute] : undefined;
  if (entry === undefined || value === undefined) return value;
  return isMap(value) && Object.hasOwn(value, entry) ? value[entry] : undefined;
}

function hasElement(list: Value | undefined, wanted: Scalar): boolean {
  return Array.isArray(list) && list.some((element: Scalar) => compareScalars(element, wanted) === 0);
}

/** Returns undefined if the types differ. */
function compareScalars(found: Value | undefined, value: Scalar): number | undefined {
  if (typeof found === 'number' && typeof value === 'number') return found - value;
  if (typeof found === 'string' && typeof value === 'string') return compareUtf8(found, value);
  if (found instanceof Uint8Array && value instanceof Uint8Array) return Buffer.compare(found, value);
  return undefined;
}

// --- updates

/** The item after the update. Undefined if there was no item and the update only removes: DynamoDB then creates none. */
function updated(key: Key, update: Update, old: Item | undefined): Item | undefined {
  const draft: Record<string, Value> = { ...(old ?? { pk: key.pk, sk: key.sk }) };
  const expect = (fits: boolean) => {
    if (!fits) throw doesNotFit(key);
  };
  for (const [path, value] of update.set ?? []) expect(setPath(draft, path, value));
  for (const [path, value] of update.setIfAbsent ?? []) expect(setPath(draft, path, lookUp(draft, path) ?? value));
  for (const [name, amount] of update.add ?? []) expect(addTo(draft, name, amount));
  for (const [name, elements] of update.append ?? []) expect(appendTo(draft, name, elements));
  for (const [name, count] of update.trim ?? []) expect(trimFrom(draft, name, count));
  for (const path of update.remove ?? []) expect(removePath(draft, path));
  return old === undefined && !gives(update) ? undefined : (draft as Item);
}

const gives = (update: Update) =>
  [update.set, update.setIfAbsent, update.add, update.append].some((part) => part !== undefined && part.length > 0);

type Draft = Record<string, Value>;

function own(draft: Draft, name: string): Value | undefined {
  return Object.hasOwn(draft, name) ? draft[name] : undefined;
}

function setPath(draft: Draft, path: Path, value: Value): boolean {
  const { attribute, entry } = split(path);
  if (entry === undefined) {
    draft[attribute] = value;
    return true;
  }
  const map = own(draft, attribute);
  if (map === undefined || !isMap(map)) return false;
  draft[attribute] = { ...map, [entry]: value as Scalar };
  return true;
}

function addTo(draft: Draft, name: string, amount: number): boolean {
  const sum = own(draft, name) ?? 0;
  if (typeof sum !== 'number') return false;
  checkNumber(name, sum + amount);
  draft[name] = sum + amount;
  return true;
}

function appendTo(draft: Draft, name: string, elements: readonly Scalar[]): boolean {
  const list = own(draft, name) ?? [];
  if (!Array.isArray(list)) return false;
  draft[name] = [...list, ...elements];
  return true;
}

function trimFrom(draft: Draft, name: string, count: number): boolean {
  const list = own(draft, name);
  if (!Array.isArray(list)) return false;
  draft[name] = list.slice(count);
  return true;
}

/** DynamoDB accepts the removal of a missing attribute or entry, but not of an entry of a missing map. */
function removePath(draft: Draft, path: Path): boolean {
  const { attribute, entry } = split(path);
  if (entry === undefined) {
    delete draft[attribute];
    return true;
  }
  const map = own(draft, attribute);
  if (map === undefined || !isMap(map)) return false;
  const { [entry]: _removed, ...kept } = map;
  draft[attribute] = kept;
  return true;
}

// --- writes, over any keyed rows

export type Rows = {
  get(key: Key): Item | undefined;
  put(item: Item): void;
  delete(key: Key): void;
};

/** Runs a checked write as a whole or not at all. It throws `invalid` or `too-large` before it touches a row. */
export function runWrite(rows: Rows, write: Write): WriteResult {
  const old = rows.get(keyOf(write));
  if (write.if && !holds(write.if, old)) return { applied: false, old };
  const item = after(write, old);
  store(rows, write, item);
  return { applied: true, item };
}

/** Runs all of the checked actions or none. */
export function runTransaction(rows: Rows, actions: readonly (Write | Check)[]): TransactionResult {
  const olds = actions.map((action) => rows.get(keyOf(action)));
  const refused = actions.map((action, index) => action.if !== undefined && !holds(action.if, olds[index]));
  if (refused.includes(true))
    return { applied: false, failures: refused.map((failed, index) => failure(failed, olds[index])) };
  const writes = actions.map((action, index) => ({ action, item: after(action, olds[index]) }));
  for (const { action, item } of writes) store(rows, action, item);
  return { applied: true };
}

function failure(failed: boolean, old: Item | undefined): { failed: boolean; old?: Item } {
  return failed && old ? { failed, old } : { failed };
}

function after(action: Write | Check, old: Item | undefined): Item | undefined {
  if (action.kind === 'check') return old;
  if (action.kind === 'delete') return undefined;
  if (action.kind === 'put') return action.item;
  const item = updated(action.key, action.update, old);
  if (item && itemSize(item) > tableLimits.itemBytes) throw tooLarge(action.key);
  return item;
}

function store(rows: Rows, action: Write | Check, item: Item | undefined): void {
  if (action.kind === 'check') return;
  if (item) rows.put(item);
  else rows.delete(keyOf(action));
}
