// The port to the table of small items: DynamoDB, SQLite or memory. It is the subset of DynamoDB that Rivulet uses, as
// typed data. The DynamoDB adapter compiles it to expressions, and the others interpret it. One contract suite
// (test/contract/) checks that all adapters give it the same meaning.

/** A number is always a safe integer. */
export type Scalar = string | number | Uint8Array;
export type Value = Scalar | readonly Scalar[] | { readonly [key: string]: Scalar };
/** `pk` has 1..2048 and `sk` 1..1024 bytes of UTF-8. */
export type Key = { readonly pk: string; readonly sk: string };
export type Item = Key & { readonly [attribute: string]: Value };

/** An attribute, or one entry of a map attribute. A path never names `pk` or `sk`. */
export type Path = string | readonly [attribute: string, entry: string];

/**
 * A comparison with a missing path, or with another type, is false, but `lacks` is then true. Binary compares as unsigned
 * bytes.
 */
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
  /** Adds elements at the end of the list. A missing list counts as empty. */
  readonly append?: readonly (readonly [attribute: string, elements: readonly Scalar[]])[];
  /** Removes this many elements (1..100) from the front of the list, or all of them if there are fewer. */
  readonly trim?: readonly (readonly [attribute: string, count: number])[];
  /** A missing path is no error. */
  readonly remove?: readonly Path[];
};

export type Write =
  | { readonly kind: 'put'; readonly item: Item; readonly if?: Condition }
  /** Creates the item if there is none, unless the condition refuses. */
  | { readonly kind: 'update'; readonly key: Key; readonly update: Update; readonly if?: Condition }
  | { readonly kind: 'delete'; readonly key: Key; readonly if?: Condition };
export type Check = { readonly kind: 'check'; readonly key: Key; readonly if: Condition };

export type WriteResult = (
  | {
      readonly applied: true;
      /** The item after the write. Undefined after a delete. */
      readonly item: Item | undefined;
    }
  | { readonly applied: false /** The item that failed the condition. */; readonly old: Item | undefined }
) & {
  /** An earlier try of this same write may have acted: a copy of it may have landed, or may still land. */
  readonly doubtful?: boolean;
};

export type TransactionResult =
  | { readonly applied: true }
  | {
      readonly applied: false;
      /** One for each action, in order. */
      readonly failures: readonly { readonly failed: boolean; readonly old?: Item }[];
    };

/** After a conflict the retrying decorator sends again, as after other failures, or leaves that to the caller. */
export type OnConflict = 'send again' | 'throw';

export type Query = {
  readonly pk: string;
  /** Inclusive. */
  readonly from?: string;
  /** Inclusive. */
  readonly through?: string;
  /** Exclusive, in the direction of the query: the last sk of the page before. */
  readonly after?: string;
  /** Returns the greatest key first. */
  readonly reverse?: boolean;
  /** The page has at most this many items: 1..1000, default 1000. */
  readonly limit?: number;
  /** The query sees every write that was answered before it, and costs twice as much. Default false. */
  readonly strong?: boolean;
};

export type ItemPage = {
  readonly items: readonly Item[];
  /** True if more may follow: query again with `after` = the last sk. */
  readonly more: boolean;
};

export type ItemsRead = {
  /** The items that were found, in any order. */
  readonly items: readonly Item[];
  /** These keys were not read, because the reply was full. There are fewer than were asked for. Ask again for them. */
  readonly left: readonly Key[];
};

/** A write that is throttled is sent again by the retrying decorator, or its caller has another way. */
export type OnThrottle = 'send again' | 'throw';

/** `second` is undefined if the first write was refused: the second was then not tried. */
export type BothResult = { readonly first: WriteResult; readonly second: WriteResult | undefined };

/** Every method throws StorageError and nothing else. Callers send only writes that do no harm if they run twice. */
export type Table = {
  get(key: Key, options?: { strong?: boolean }): Promise<Item | undefined>;
  /** Reads 1..100 distinct keys, at the price of as many gets. read-many.ts reads any number. */
  getMany(keys: readonly Key[], options?: { strong?: boolean }): Promise<ItemsRead>;
  /** Returns items in the order of sk, by UTF-8 bytes. */
  query(query: Query): Promise<ItemPage>;
  write(write: Write, options?: { readonly onThrottle?: OnThrottle }): Promise<WriteResult>;
  /**
   * Applies all actions or none: 1..100 actions on distinct items. The `token` (1..36 characters) makes a repeat within ten
   * minutes harmless.
   */
  transact(
    actions: readonly (Write | Check)[],
    token: string,
    options?: { readonly onConflict?: OnConflict },
  ): Promise<TransactionResult>;
  /**
   * Only a table for which two writes in one commit cost no more than one has this. It writes the first, and if that was
   * applied, the second. A crash leaves both or none. If it throws, the first may have been done, and the second was not,
   * unless the error has `mayHaveActed`.
   */
  readonly writeBoth?: (first: Write, second: Write) => Promise<BothResult>;
};
