// The port to the table of small items: DynamoDB, SQLite or memory. It is the subset of DynamoDB that Rivulet uses, as
// typed data: the DynamoDB adapter compiles it to expressions, the others interpret it. One contract suite holds all to
// the same meaning.

/** A number is always a safe integer. */
export type Scalar = string | number | Uint8Array;
export type Value = Scalar | readonly Scalar[] | { readonly [key: string]: Scalar };
/** `pk` 1..2048 and `sk` 1..1024 bytes of UTF-8. */
export type Key = { readonly pk: string; readonly sk: string };
export type Item = Key & { readonly [attribute: string]: Value };

/** An attribute, or one entry of a map attribute. Not `pk` or `sk`. */
export type Path = string | readonly [attribute: string, entry: string];

/** Comparisons with a missing path, or with another type, are false; `lacks` is then true. Binary compares as unsigned bytes. */
export type Condition =
  | { readonly test: 'exists' | 'absent'; readonly path: Path }
  | { readonly test: 'equals' | 'below' | 'atMost' | 'above' | 'atLeast'; readonly path: Path; readonly value: Scalar }
  | { readonly test: 'contains' | 'lacks'; readonly path: Path; readonly value: Scalar }
  | { readonly test: 'all' | 'any'; readonly of: readonly Condition[] };

export const exists = (path: Path): Condition => ({ test: 'exists', path });
export const absent = (path: Path): Condition => ({ test: 'absent', path });
export const equals = (path: Path, value: Scalar): Condition => ({ test: 'equals', path, value });
export const below = (path: Path, value: Scalar): Condition => ({ test: 'below', path, value });
export const atMost = (path: Path, value: Scalar): Condition => ({ test: 'atMost', path, value });
export const above = (path: Path, value: Scalar): Condition => ({ test: 'above', path, value });
export const atLeast = (path: Path, value: Scalar): Condition => ({ test: 'atLeast', path, value });
/** The list at `path` has this element. */
export const contains = (path: Path, value: Scalar): Condition => ({ test: 'contains', path, value });
export const lacks = (path: Path, value: Scalar): Condition => ({ test: 'lacks', path, value });
export const all = (...of: Condition[]): Condition => ({ test: 'all', of });
export const any = (...of: Condition[]): Condition => ({ test: 'any', of });

/** No two parts of one update may touch the same attribute, or the same entry of a map. */
export type Update = {
  /** The map of a [map, entry] path must exist. */
  readonly set?: readonly (readonly [Path, Value])[];
  readonly setIfAbsent?: readonly (readonly [Path, Value])[];
  /** A missing number counts as 0. */
  readonly add?: readonly (readonly [attribute: string, amount: number])[];
  /** At the end of the list; a missing list counts as empty. */
  readonly append?: readonly (readonly [attribute: string, elements: readonly Scalar[]])[];
  /** Removes this many elements (1..100) from the front of the list; fewer if there are fewer. */
  readonly trim?: readonly (readonly [attribute: string, count: number])[];
  /** A missing path is no error. */
  readonly remove?: readonly Path[];
};

export type Write =
  | { readonly kind: 'put'; readonly item: Item; readonly if?: Condition }
  /** Creates the item when there is none, unless the condition refuses. */
  | { readonly kind: 'update'; readonly key: Key; readonly update: Update; readonly if?: Condition }
  | { readonly kind: 'delete'; readonly key: Key; readonly if?: Condition };
export type Check = { readonly kind: 'check'; readonly key: Key; readonly if: Condition };

export type WriteResult = (
  | {
      /** The item after the write; undefined after a delete. */ readonly applied: true;
      readonly item: Item | undefined;
    }
  | { /** The item that failed the condition. */ readonly applied: false; readonly old: Item | undefined }
) & {
  /** An earlier try of this very write got no answer: a copy of it may have landed, or may land yet. */
  readonly doubtful?: boolean;
};

export type TransactionResult =
  | { readonly applied: true }
  | {
      readonly applied: false /** One for each action, in order. */;
      readonly failures: readonly { readonly failed: boolean; readonly old?: Item }[];
    };

export type Query = {
  readonly pk: string;
  /** Inclusive. */
  readonly from?: string;
  /** Inclusive. */
  readonly through?: string;
  /** Exclusive, in the direction of travel: where the last page ended. */
  readonly after?: string;
  /** Greatest key first. */
  readonly reverse?: boolean;
  /** At most this many; 1..1000. Default 1000. */
  readonly limit?: number;
  /** Sees every write that was answered before; costs twice. Default false. */
  readonly strong?: boolean;
};

export type ItemPage = {
  readonly items: readonly Item[];
  /** True when more may follow: ask again with `after` = the last sk. */
  readonly more: boolean;
};

/** Every method throws StorageError and nothing else. Callers send only writes that do no harm when they run twice. */
export type Table = {
  get(key: Key, options?: { strong?: boolean }): Promise<Item | undefined>;
  /** In the order of sk, by UTF-8 bytes. */
  query(query: Query): Promise<ItemPage>;
  write(write: Write): Promise<WriteResult>;
  /** All or none; 1..100 actions on distinct items; `token` (1..36 characters) makes a repeat within ten minutes harmless. */
  transact(actions: readonly (Write | Check)[], token: string): Promise<TransactionResult>;
};
