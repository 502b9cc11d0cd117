// The rows of table.json: what each message of Kafka's protocol holds, in which versions. generate.ts makes them from the
// definitions of kafka-clients 4.3.1; codec/compile.ts turns them into readers and writers.
import rows from './table.json' with { type: 'json' };

/** A range of versions: "3", "0-12", "3+" or "none". */
type Versions = string;

export type MessageRow = {
  readonly name: string;
  /** The API key; headers and what stands inside other messages have none. */
  readonly key?: number;
  readonly versions: Versions;
  readonly flexible: Versions;
  readonly fields: readonly FieldRow[];
};

export type FieldRow = {
  readonly name: string;
  /** A plain type, `struct`, or a list of either, which begins with []. */
  readonly type: string;
  readonly versions: Versions;
  readonly nullable?: Versions;
  /** Present if the field departs from its message: the client id of a request keeps its two bytes of length. */
  readonly flexible?: Versions;
  /** In these versions the field stands behind the others, under its number, unless it has its default. */
  readonly tag?: number;
  readonly tagged?: Versions;
  readonly default?: string | number | boolean | null;
  readonly fields?: readonly FieldRow[];
};

export const messageRows: readonly MessageRow[] = rows;

const byName = new Map(messageRows.map((row) => [row.name, row]));

export function messageRow(name: string): MessageRow {
  const row = byName.get(name);
  if (!row) throw new Error(`the table has no message ${name}`);
  return row;
}

export type VersionRange = readonly [first: number, last: number];

/** The first and the last version; the last is infinite for "3+". Nothing lies within "none". */
export function versionRange(versions: Versions): VersionRange {
  const [, first, last] = /^(\d+)(?:-(\d+)|\+)?$/.exec(versions) ?? [];
  if (first === undefined) return [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (versions.endsWith('+')) return [Number(first), Number.POSITIVE_INFINITY];
  return [Number(first), Number(last ?? first)];
}

export function isWithin(version: number, versions: Versions | undefined): boolean {
  if (versions === undefined) return false;
  const [first, last] = versionRange(versions);
  return version >= first && version <= last;
}
