// This is the one place where a test can watch, hold up or break a call of a port. A function that stands in the way of
// the call decides when it acts, and whether its answer arrives. The gate at which stories hold up a call is here too.
import type { Check, Key, Query, Table, Write } from '../../../lib/storage/table.ts';

export type Call =
  | Write
  | { readonly kind: 'get'; readonly key: Key }
  | { readonly kind: 'getMany'; readonly keys: readonly Key[] }
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'transact'; readonly actions: readonly (Write | Check)[]; readonly token: string };

export type InTheWay = <T>(call: Call, act: () => Promise<T>) => Promise<T>;

export const through = (table: Table, inTheWay: InTheWay): Table => ({
  get: (key, options) => inTheWay({ kind: 'get', key }, () => table.get(key, options)),
  getMany: (keys, options) => inTheWay({ kind: 'getMany', keys }, () => table.getMany(keys, options)),
  query: (query) => inTheWay({ kind: 'query', query }, () => table.query(query)),
  write: (write, options) => inTheWay(write, () => table.write(write, options)),
  transact: (actions, token) => inTheWay({ kind: 'transact', actions, token }, () => table.transact(actions, token)),
});

export const keyOf = (action: Write | Check): Key => (action.kind === 'put' ? action.item : action.key);

/** The writes of a call, and the checks of a transaction. */
export function writesOf(call: Call): readonly (Write | Check)[] {
  if (call.kind === 'transact') return call.actions;
  return call.kind === 'get' || call.kind === 'getMany' || call.kind === 'query' ? [] : [call];
}

/** Looks at each item after a write of it was applied, before the writer has its answer. */
export const afterWrites = (table: Table, look: (key: Key) => Promise<void>): Table =>
  through(table, async (call, act) => {
    const result = await act();
    const isApplied = (result as { readonly applied?: boolean } | undefined)?.applied === true;
    if (isApplied) for (const write of writesOf(call)) await look(keyOf(write));
    return result;
  });

/** For example `put 4mWk/0/p 0000000000000007`. */
export function nameOf(call: Call): string {
  if (call.kind === 'query') return `query ${call.query.pk}`;
  if (call.kind === 'getMany') return `read ${call.keys.length} items`;
  if (call.kind === 'transact') return `transact ${call.actions.length}`;
  const { pk, sk } = call.kind === 'get' ? call.key : keyOf(call);
  return `${call.kind === 'get' ? 'read' : call.kind} ${pk} ${sk}`;
}

/** A point at which a call waits until the test lets it go on. The test can also wait until the call has got there. */
export function gate() {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: () => opened.resolve(),
    pass: () => {
      reached.resolve();
      return opened.promise;
    },
  };
}

/** Holds up the calls that match. */
export const holding = (table: Table, matches: (call: Call) => boolean, pass: () => Promise<void>): Table =>
  through(table, async (call, act) => {
    if (matches(call)) await pass();
    return act();
  });
