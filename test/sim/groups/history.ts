// What the members of a simulated group saw, and nothing else: the checker judges by this.

/** A reply that a member took: it may read these partitions, at this epoch. */
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
  /** Its metadata: no other commit has it. */
  readonly note: string;
  readonly begunMs: number;
  endedMs: number;
  result: 'accepted' | 'refused' | 'unknown';
};

/** What anybody could read of the committed offsets, without faults. */
export type Look = { readonly atMs: number; readonly committed: ReadonlyMap<string, number> };

/** What an offsets item said of a partition after a write. */
export type TermSeen = {
  readonly partition: string;
  readonly owner: string | undefined;
  readonly epoch: number;
  /** The item is deleted. */
  readonly isGone: boolean;
  readonly atMs: number;
};

/** While no living member that is awake read the partition. */
export type Unowned = { readonly partition: string; readonly fromMs: number; readonly toMs: number };

export type GroupHistory = {
  readonly tellings: Telling[];
  readonly deliveries: Delivery[];
  readonly commits: Commit[];
  readonly looks: Look[];
  /** After everything came to rest: whose each partition is, by the members that are alive. */
  readonly atRest: Map<string, string[]>;
  /** From then on nothing goes wrong any more. */
  restMs: number;
  readonly terms: TermSeen[];
  /** Seen ten times a second. */
  readonly unowned: Unowned[];
  /** When anything went wrong, or the members that are awake became others. Unordered. */
  readonly troublesMs: number[];
} & HistoryRules;

export type HistoryRules = {
  /** Clocks were nearly right and leases were kept: then nobody reads what another was given. */
  readonly keepsLeases: boolean;
  /** So long may a partition be nobody's when nothing more goes wrong. */
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
