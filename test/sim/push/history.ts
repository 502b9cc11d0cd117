// The history of a world of push: the deliveries, as the target saw them, the dead letters, and the writes that broke a rule.

export const topic = 't';
export const groupId = 'g';
/** The target fails for every record with this value. */
export const poison = 'poison';

/** One creation of the subscription has one target, so that a delivery tells for which one it was. */
export type Life = string;

export type Delivery = {
  readonly life: Life;
  /** The number of the run that opened the target. */
  readonly run: number;
  readonly partition: number;
  readonly offsets: readonly number[];
  readonly begunMs: number;
};

/** The offsets items say this about the run of a partition. */
export type Term = {
  readonly owner: string | undefined;
  readonly leaseUntilMs: number;
  /** The lease was over, or near its end, when it was renewed. Meanwhile others may have taken it for over. */
  readonly hasLapsed: boolean;
};

/** A delivery that has begun and has no answer yet, and the term that its run had begun before. */
export type UnderWay = { readonly partition: number; readonly owner: string | undefined };

export type Deletion = { readonly life: Life; readonly ackMs: number };

export type History = {
  readonly deliveries: Delivery[];
  readonly deletions: Deletion[];
  readonly terms: Map<number, Term>;
  readonly underWay: Set<UnderWay>;
  /** They name what the target has done, and what became a dead letter, as `<life> <partition> <offset>`. */
  readonly handled: Set<string>;
  readonly lettered: Set<string>;
  /** How often a member had partitions. */
  claims: number;
  /** Runs that were killed, or frozen, or took too long. */
  lostRuns: number;
  /** Resets without an answer. They may act whenever their process wakes up, and then only the hourly net helps. */
  sleepingResets: number;
  /** The rules that a write has broken. */
  readonly complaints: string[];
};

export const newHistory = (): History => ({
  ...{ deliveries: [], deletions: [], complaints: [], sleepingResets: 0, lostRuns: 0, claims: 0 },
  ...{ terms: new Map(), underWay: new Set() },
  handled: new Set(),
  lettered: new Set(),
});

export const placeOf = (life: Life, partition: number, offset: number): string => `${life} ${partition} ${offset}`;

export const isAnswered = ({ handled, lettered }: History, life: Life, partition: number, offset: number): boolean =>
  handled.has(placeOf(life, partition, offset)) || lettered.has(placeOf(life, partition, offset));
