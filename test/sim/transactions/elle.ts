// Judges transactions that append to lists and read them, in the terms of Elle (Kingsbury and Alvaro). A partition is a
// list, and the log tells the order of its versions. G0 is a cycle of writes, G1a a read of what was aborted, G1b a read that
// ends within a transaction, and G1c a cycle of writes and reads.
//
// These edges count, because each goes from an earlier decision to a later one. So no cycle of them is allowed:
//   wr  from every transaction whose records were read to the reader, however the two were committed;
//   ww  from every transaction to a later one of the list that was committed in one step.
// A ww edge to a transaction that was decided first and applied later does not count: its place in a list is that of its
// application, and it comes to its lists one after the other (docs/adr/0017). Jepsen's workload for Kafka allows these too.
import { isIn } from './check.ts';
import type { History, Transaction } from './history.ts';

export type Phenomenon = { readonly name: 'G0' | 'G1a' | 'G1b' | 'G1c'; readonly detail: string };

type Edges = Map<string, Set<string>>;

export function checkIsolation(history: History): Phenomenon[] {
  const owners = new Map(
    history.transactions.flatMap((each) =>
      each.batches.flatMap(({ values }) => values.map((value) => [value, each] as const)),
    ),
  );
  const inLog = new Map([...history.log.values()].flat().map((value) => [value, true]));
  const committed = history.transactions.filter((each) => isIn(inLog, each));
  const isInOneStep = (name: string) => !history.decided.has(name);
  const writes: Edges = new Map();
  for (const values of history.log.values()) addOrder(writes, ownersInOrder(values, owners), isInOneStep);
  const all: Edges = new Map([...writes].map(([from, to]) => [from, new Set(to)]));
  for (const reader of committed) for (const { values } of reader.reads) addRead(all, reader, values, owners);
  return [
    ...history.transactions.flatMap((reader) => badReads(history, reader, owners, inLog)),
    ...cyclesIn(writes).map((detail) => ({ name: 'G0' as const, detail })),
    ...cyclesIn(all).map((detail) => ({ name: 'G1c' as const, detail })),
  ];
}

/** The transactions that wrote a list, in the order of their versions. */
function ownersInOrder(values: readonly string[], owners: ReadonlyMap<string, Transaction>): string[] {
  const names = values.map((value) => owners.get(value)?.name).filter((name) => name !== undefined);
  return names.filter((name, i) => name !== names[i - 1]);
}

/** All before it come before one that is committed in one step. Those before the last such one come before that one. */
function addOrder(edges: Edges, names: readonly string[], isInOneStep: (name: string) => boolean): void {
  let before: string[] = [];
  for (const name of names) {
    if (isInOneStep(name)) {
      for (const earlier of before) addEdge(edges, earlier, name);
      before = [];
    }
    before.push(name);
  }
}

function addEdge(edges: Edges, from: string, to: string): void {
  if (from === to) return;
  edges.set(from, (edges.get(from) ?? new Set()).add(to));
}

/** The reader comes after everyone whose records it has read: the order of writes does not say so of those decided first. */
function addRead(
  edges: Edges,
  reader: Transaction,
  values: readonly string[],
  owners: ReadonlyMap<string, Transaction>,
): void {
  for (const value of values) {
    const writer = owners.get(value);
    if (writer) addEdge(edges, writer.name, reader.name);
  }
}

function badReads(
  { log }: History,
  reader: Transaction,
  owners: ReadonlyMap<string, Transaction>,
  inLog: ReadonlyMap<string, unknown>,
): Phenomenon[] {
  const found: Phenomenon[] = [];
  for (const { partition, values } of reader.reads) {
    const aborted = values.find((value) => owners.has(value) && !inLog.has(value));
    if (aborted && log.has(partition)) found.push({ name: 'G1a', detail: `${reader.name} read ${aborted}` });
    const last = owners.get(values.at(-1) ?? '');
    const next = owners.get(log.get(partition)?.[values.length] ?? '');
    if (last && last === next) found.push({ name: 'G1b', detail: `${reader.name} read a part of ${last.name}` });
  }
  return found;
}

/** One cycle at most. */
function cyclesIn(edges: Edges): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: readonly string[]): string | undefined => {
    if (state.get(name) === 'done') return undefined;
    if (state.get(name) === 'open') return [...trail.slice(trail.indexOf(name)), name].join(' -> ');
    state.set(name, 'open');
    for (const to of edges.get(name) ?? []) {
      const cycle = visit(to, [...trail, name]);
      if (cycle) return cycle;
    }
    state.set(name, 'done');
    return undefined;
  };
  for (const name of edges.keys()) {
    const cycle = visit(name, []);
    if (cycle) return [cycle];
  }
  return [];
}
