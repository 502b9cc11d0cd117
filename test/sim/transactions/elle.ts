// Judges transactions that append to lists and read them, in the terms of Elle (Kingsbury and Alvaro). A partition is a
// list, and the log tells the order of its versions. G0 is a cycle of writes, G1a a read of what was aborted, G1b a read that
// ends within a transaction, and G1c a cycle of writes and reads.
//
// A transaction that is decided before it is applied comes to its partitions one after the other, within some milliseconds.
// So a cycle through such a one is no fault of the log, as it is none in Kafka. Where all are committed in one step, no
// cycle is allowed.
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
  const writes: Edges = new Map();
  for (const values of history.log.values()) addOrder(writes, ownersInOrder(values, owners));
  const all: Edges = new Map([...writes].map(([from, to]) => [from, new Set(to)]));
  for (const reader of committed) for (const { values } of reader.reads) addRead(all, reader, values, owners);
  const isInOneStep = (name: string) => !history.decided.has(name);
  return [
    ...history.transactions.flatMap((reader) => badReads(history, reader, owners, inLog)),
    ...cyclesIn(writes, isInOneStep).map((detail) => ({ name: 'G0' as const, detail })),
    ...cyclesIn(all, isInOneStep).map((detail) => ({ name: 'G1c' as const, detail })),
  ];
}

/** The transactions that wrote a list, in the order of their versions. */
function ownersInOrder(values: readonly string[], owners: ReadonlyMap<string, Transaction>): string[] {
  const names = values.map((value) => owners.get(value)?.name).filter((name) => name !== undefined);
  return names.filter((name, i) => name !== names[i - 1]);
}

function addOrder(edges: Edges, names: readonly string[]): void {
  for (const [i, name] of names.entries()) if (i > 0) addEdge(edges, names[i - 1]!, name);
}

function addEdge(edges: Edges, from: string, to: string): void {
  if (from === to) return;
  edges.set(from, (edges.get(from) ?? new Set()).add(to));
}

/** The reader of a version comes after its writer; the writers before it come by the order of writes. */
function addRead(
  edges: Edges,
  reader: Transaction,
  values: readonly string[],
  owners: ReadonlyMap<string, Transaction>,
): void {
  const writer = values.map((value) => owners.get(value)).findLast((owner) => owner !== undefined);
  if (writer) addEdge(edges, writer.name, reader.name);
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

/** One cycle at most, of those that pass only through chosen transactions. */
function cyclesIn(edges: Edges, isChosen: (name: string) => boolean): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: readonly string[]): string | undefined => {
    if (!isChosen(name) || state.get(name) === 'done') return undefined;
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
