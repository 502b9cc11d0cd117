// The history holds only observations of the members of a simulated group. The checker judges by nothing else.

/** A reply that a member took. After it, the member may read these partitions at this epoch. */
export type Telling = {
  readonly member: string;
  readonly instance?: string;
  readonly epoch: number;
  readonly partitions: readonly string[];
  readonly atMs: number;
};

export type Delivery = {
  readonly member: string;
  readonly partition: string;
  readonly offset: number;
  readonly atMs: number;
};

export type Commit = {
  readonly member: string;
  readonly epoch: number;
  readonly partition: string;
  readonly offset: number;
  /** The metadata of the commit, which no other commit has. */
  readonly note: string;
  readonly begunMs: number;
  endedMs: number;
  result: 'accepted' | 'refused' | 'unknown';
};

/** The committed offsets as any client could read them, without faults. */
export type Look = { readonly atMs: number; readonly committed: ReadonlyMap<string, number> };

/** The state of a partition in its offsets item after a write. */
export type TermSeen = {
  readonly partition: string;
  readonly owner: string | undefined;
  readonly epoch: number;
  /** True when the item is deleted. */
  readonly isGone: boolean;
  readonly atMs: number;
};

/** A time during which no living member that is awake read the partition. */
export type Unowned = { readonly partition: string; readonly fromMs: number; readonly toMs: number };

export type GroupHistory = {
  readonly tellings: Telling[];
  readonly deliveries: Delivery[];
  readonly commits: Commit[];
  readonly looks: Look[];
  /** The owners of each partition after everything came to rest, as the living members report them. */
  readonly atRest: Map<string, string[]>;
  /** After this time nothing goes wrong any more. */
  restMs: number;
  readonly terms: TermSeen[];
  /** Sampled ten times a second. */
  readonly unowned: Unowned[];
  /** The times at which anything went wrong, or the set of awake members changed. They are in no order. */
  readonly troublesMs: number[];
} & HistoryRules;

export type HistoryRules = {
  /**
   * True when clocks were nearly right and leases were kept. Then no member reads a partition that another was
   * assigned.
   */
  readonly keepsLeases: boolean;
  /** A partition may be without an owner for at most this long when nothing more goes wrong. */
  readonly mostUnownedMs: number;
};

export const newGroupHistory = (
  rules: HistoryRules,
  { terms, troublesMs }: Pick<GroupHistory, 'terms' | 'troublesMs'> = { terms: [], troublesMs: [] },
): GroupHistory => ({
  ...rules,
  tellings: [],
  deliveries: [],
  commits: [],
  looks: [],
  atRest: new Map(),
  restMs: 0,
  terms,
  unowned: [],
  troublesMs,
});
