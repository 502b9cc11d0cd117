// The one place where a call of a port can be watched, held up or broken: what stands in its way decides when it acts, and
// whether its answer is heard. It also has the gate at which stories hold a call up.
import type { Check, Key, Query, Table, Write } from '../../../lib/storage/table.ts';

export type Call =
  | Write
  | { readonly kind: 'get'; readonly key: Key }
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'transact'; readonly actions: readonly (Write | Check)[]; readonly token: string };

export type InTheWay = <T>(call: Call, act: () => Promise<T>) => Promise<T>;

export const through = (table: Table, inTheWay: InTheWay): Table => ({
  get: (key, options) => inTheWay({ kind: 'get', key }, () => table.get(key, options)),
  query: (query) => inTheWay({ kind: 'query', query }, () => table.query(query)),
  write: (write) => inTheWay(write, () => table.write(write)),
  transact: (actions, token) => inTheWay({ kind: 'transact', actions, token }, () => table.transact(actions, token)),
});

export const keyOf = (action: Write | Check): Key => (action.kind === 'put' ? action.item : action.key);

/** What a call writes, or asks for in a transaction. */
export function writesOf(call: Call): readonly (Write | Check)[] {
  if (call.kind === 'transact') return call.actions;
  return call.kind === 'get' || call.kind === 'query' ? [] : [call];
}

/** `put 4mWk/0/p 0000000000000007` */
export function nameOf(call: Call): string {
  if (call.kind === 'query') return `query ${call.query.pk}`;
  if (call.kind === 'transact') return `transact ${call.actions.length}`;
  const { pk, sk } = call.kind === 'get' ? call.key : keyOf(call);
  return `${call.kind === 'get' ? 'read' : call.kind} ${pk} ${sk}`;
}

/** Something that waits until it is let go on, and tells that it has come so far. */
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

/** Holds up what matches. */
export const holding = (table: Table, matches: (call: Call) => boolean, pass: () => Promise<void>): Table =>
  through(table, async (call, act) => {
    if (matches(call)) await pass();
    return act();
  });
