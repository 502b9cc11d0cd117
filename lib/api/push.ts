// Subscriptions as the engine's callers see them: `engine.subscriptions`. A subscription delivers the records of one topic to
// a function or a webhook. It is a consumer group whose work is done by runs of the dispatcher and not by members. The names
// and the bounds of its settings are those of Lambda's event source mappings.
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
//
// The second half has the ports of delivery. `lib/push` decides what is delivered, and when; a target (lib/push/delivery)
// builds the event, sends it, and reads the answer.

/** Names a subscription: one topic, and the group whose offsets it commits. */
export type SubscriptionRef = { readonly topic: string; readonly groupId: string };

// --- settings

/** A function is named by its ARN. A URL is `https:`; the embedded service also takes `http:` on loopback. */
export type SubscriptionTarget = { readonly function: string } | { readonly url: string };

/** Where records go that were given up: a topic of this service, or the ARN of an SQS queue. */
export type FailureDestination = { readonly topic: string } | { readonly queue: string };

export type StartingPosition = 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP';

/** Filters are Lambda's: a record is delivered if it meets any of them. Others are committed without a delivery. */
export type FilterCriteria = { readonly filters: readonly { readonly pattern: string }[] };

/** Settings that may be changed while the subscription exists. */
export type ChangeableSettings = {
  readonly target: SubscriptionTarget;
  /** The most records of an event: 1..10,000. Default 100. An event has at most 6 MB, whatever this says. */
  readonly batchSize: number;
  /** How long a delivery may wait for a full batch: 0..300. Default 0. */
  readonly maximumBatchingWindowSeconds: number;
  /** Tries after the first one: -1 (without end) to 10,000. Default -1; 10 with `onFailure`. */
  readonly maximumRetryAttempts: number;
  /** A record that is older is given up: -1 (never), or 60..604,800. Default -1. */
  readonly maximumRecordAgeSeconds: number;
  /** After a failure the two halves of the batch are tried apart. Default false. */
  readonly bisectBatchOnFunctionError: boolean;
  /** The target may answer which records failed (`batchItemFailures`). Default false. */
  readonly reportBatchItemFailures: boolean;
  readonly filterCriteria?: FilterCriteria;
  readonly onFailure?: FailureDestination;
  /**
   * The most partitions that are delivered at the same time: 1..1,000. Without it, only the service's own bound holds. With it a
   * run reads the head of each partition when it ends.
   */
  readonly maximumConcurrency?: number;
};

/** A complete set of settings, with the defaults filled in. */
export type SubscriptionSettings = ChangeableSettings & {
  readonly startingPosition: StartingPosition;
  /** Only with AT_TIMESTAMP. */
  readonly startingPositionTimestampMs?: number;
};

/** The request of `create`. A setting that is left out has its default. */
export type CreateSubscription = SubscriptionRef &
  Pick<SubscriptionSettings, 'target' | 'startingPosition'> &
  Partial<SubscriptionSettings> & {
    /** False creates it paused. Default true. */
    readonly enabled?: boolean;
  };

/** The request of `update`. A setting that is left out stays; null takes an optional one away. */
export type UpdateSubscription = SubscriptionRef & {
  readonly [Name in keyof ChangeableSettings]?:
    | ChangeableSettings[Name]
    | (undefined extends ChangeableSettings[Name] ? null : never);
} & {
  /** False pauses, true resumes. */
  readonly enabled?: boolean;
};

// --- description

/**
 * `Creating` also stands for a creation that died: run `create` again. `TopicDeleted`: the topic was deleted, or is another one
 * under its name, so nothing is delivered. Run `create` again, or `delete`.
 */
export type SubscriptionState = 'Creating' | 'Enabled' | 'Paused' | 'TopicDeleted';

/** A failing batch of a partition. It is there from the first failure until the batch is committed. */
export type FailureNote = {
  /** The batch begins at the committed offset and ends before this one. */
  readonly endOffset: number;
  readonly attempts: number;
  readonly firstFailureMs: number;
  /** When it is tried again. */
  readonly nextTryMs: number;
  /** The last error, shortened. */
  readonly error: string;
};

export type SubscriptionPartition = {
  readonly partition: number;
  /** -1 while the creation has not set it. */
  readonly committedOffset: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** The number of records from the committed offset, or from the log's start if that is greater, to the end. */
  readonly lag: number;
  /** A run has the partition until then. Absent if none has. */
  readonly leaseUntilMs?: number;
  readonly failing?: FailureNote;
};

export type SubscriptionDescription = SubscriptionRef & {
  readonly topicId: string;
  readonly state: SubscriptionState;
  /** Says why it is paused: a person's words, or that the webhook answered 410. */
  readonly pausedReason?: string;
  readonly settings: SubscriptionSettings;
  /** The records of all partitions that are not delivered yet. */
  readonly lag: number;
  /** None if the topic was deleted. */
  readonly partitions: readonly SubscriptionPartition[];
};

export type SubscriptionSummary = SubscriptionRef &
  Pick<SubscriptionDescription, 'topicId' | 'state' | 'pausedReason'> & { readonly target: SubscriptionTarget };

/** `secret` signs the events of a webhook. It is shown only in the reply that made it. */
export type CreatedSubscription = SubscriptionDescription & { readonly secret?: string };

/**
 * The result of a redelivery of dead letters. `failed` says which record stopped it; `more` that it ran out of time. `skipped` counts
 * the records in their topic that are no dead letters of this subscription, that hold no record, or that nothing can read.
 */
export type RetryReply = {
  readonly delivered: number;
  readonly skipped: number;
  readonly more: boolean;
  readonly failed?: { readonly partition: number; readonly offset: number; readonly error: string };
};

/**
 * All errors are RivuletErrors. SUBSCRIPTION_NOT_FOUND: the group has no subscription to this topic.
 *
 *     await engine.subscriptions.create({
 *       topic: 'orders', groupId: 'billing', target: { url: 'https://example.com/orders' }, startingPosition: 'LATEST',
 *     });
 */
export type Subscriptions = {
  /**
   * A repeat with the same settings finishes what is unfinished, and changes nothing else. With other settings it is
   * SUBSCRIPTION_ALREADY_EXISTS. It raises the group's epoch and sets every partition to its start.
   */
  create(request: CreateSubscription): Promise<CreatedSubscription>;
  get(ref: SubscriptionRef): Promise<SubscriptionDescription>;
  /** The subscriptions are sorted by topic and group; with `topic`, only those of this topic. `after` is the last one of the page before. */
  list(request: {
    readonly topic?: string;
    readonly limit?: number;
    readonly after?: SubscriptionRef;
  }): Promise<{ readonly subscriptions: readonly SubscriptionSummary[]; readonly more: boolean }>;
  /** A target that becomes a webhook gets a secret. */
  update(request: UpdateSubscription): Promise<CreatedSubscription>;
  /** No delivery begins after this; one that is under way ends. */
  pause(ref: SubscriptionRef & { readonly reason?: string }): Promise<SubscriptionDescription>;
  resume(ref: SubscriptionRef): Promise<SubscriptionDescription>;
  /**
   * Delivers the dead letters of this subscription once more, in their order. It commits them one by one, and stops at a failure. It
   * works while the subscription is paused, but a pause that comes meanwhile ends it.
   */
  retry(ref: SubscriptionRef): Promise<RetryReply>;
  /** Ends the back-off of failing batches: they are tried immediately. */
  retryNow(ref: SubscriptionRef): Promise<SubscriptionDescription>;
  /** Makes another secret. The one before signs too, until `previousUntilMs`, and each earlier one for its day. Only for webhooks. */
  rotateSecret(ref: SubscriptionRef): Promise<{ readonly secret: string; readonly previousUntilMs: number }>;
  /** The offsets stay: members may join the group and go on from them. */
  delete(ref: SubscriptionRef): Promise<void>;
  /** Sends one event with one sample record to the target, and commits nothing. */
  testInvoke(ref: SubscriptionRef): Promise<Delivery>;
};

// --- the ports of delivery

/** A record of the log, as a target gets it. */
export type PushRecord = {
  readonly offset: number;
  readonly timestampMs: number;
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME';
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Keys may repeat. Their order is kept. */
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
};

/** The records of one event. They are of one partition, ascending, at least one, and filtered already. */
export type PushBatch = {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly PushRecord[];
};

/** A webhook's secret. One that was replaced signs until `untilMs`. */
export type SigningSecret = { readonly secret: string; readonly untilMs?: number };

/** The outcome of one delivery, as a value: a target never rejects. */
export type Delivery =
  | { readonly kind: 'answered'; readonly answer: PushAnswer }
  /** An attempt that failed. `error` is a sentence for people. */
  | { readonly kind: 'failed'; readonly error: string }
  /** The target had no room, or could not be called at all: the records are not at fault. It counts as no attempt. */
  | { readonly kind: 'throttled'; readonly retryAfterMs?: number; readonly reason?: string }
  /** HTTP 410: nobody wants the records any more, so the subscription is paused. */
  | { readonly kind: 'gone' };

export type PushAnswer =
  | { readonly kind: 'success' }
  /** Records from this offset on failed. It is the offset of a record of the batch. */
  | { readonly kind: 'partial'; readonly failedOffset: number; readonly error: string }
  /** The whole batch failed: the answer said so, or had the wrong shape. */
  | { readonly kind: 'failed'; readonly error: string };

export type PushTarget = {
  /** Ends within `deadlineMs`, or soon after `signal`. A delivery that was cut off is `failed`. */
  deliver(batch: PushBatch, options: { readonly deadlineMs: number; readonly signal?: AbortSignal }): Promise<Delivery>;
};

/** The settings that lead outside. Null takes one away. */
export type TargetSettings = Pick<UpdateSubscription, 'target' | 'filterCriteria' | 'onFailure'>;

/** Delivery adds this to the engine. */
export type PushTargets = {
  /**
   * Throws INVALID_REQUEST for a target, filter or queue that this service does not deliver to, before anything is written.
   * A change names only what it changes: what is left out was checked when it was set.
   */
  check(settings: TargetSettings): Promise<void>;
  open(settings: SubscriptionSettings, secrets: readonly SigningSecret[]): PushTarget;
  /** The bytes that a record adds to an event, at most. An event takes up to `limits.pushEventBytes`. */
  bytesOf(record: PushRecord): number;
  /** Whether a record is to be delivered. It never throws. */
  filter(criteria: FilterCriteria): (record: PushRecord) => boolean;
  /** Sends dead letters to a queue. Rejects if the queue refuses them. */
  sendToQueue(queue: string, letters: readonly DeadLetter[]): Promise<void>;
};

/** A record that was given up. `record` is undefined if nothing could read it: `raw` then has the bytes of its batch. */
export type DeadLetter = {
  readonly groupId: string;
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly attempts: number;
  readonly error: string;
  readonly record?: PushRecord;
  readonly raw?: Uint8Array;
};

/**
 * Asks the dispatcher to look at one partition of a subscription. Whatever carries it may lose it, repeat it, or bring it late.
 * A repeat has the same id.
 */
export type PushInvocation = SubscriptionRef & {
  /** 22 characters of random base64url. */
  readonly id: string;
  readonly topicId: string;
  readonly partition: number;
  /** A scheduled retry names the term that it follows. */
  readonly follows?: string;
};

/** Sends an invocation to the dispatcher: now, or at `whenMs`. It resolves when the invocation cannot get lost by our death. */
export type Invoke = (invocation: PushInvocation, whenMs?: number) => Promise<void>;

/** Something that happened in a delivery, for metrics and alarms. */
export type PushEvent = {
  readonly kind: 'delivered' | 'failed' | 'throttled' | 'given up' | 'destination refused' | 'lost' | 'paused';
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  /** The number of records. */
  readonly records: number;
  readonly error?: string;
};

/** Everything that an engine needs in order to deliver. */
export type PushPorts = {
  readonly targets: PushTargets;
  readonly invoke: Invoke;
  /** It never throws. */
  readonly observe?: (event: PushEvent) => void;
  /** Learns, before any append can be missed, that the subscriptions of a topic are others by now. It never throws. */
  readonly onSubscriptions?: (topicId: string) => void;
  /** Ends the waits of runs in this process: somebody wants the next try now. It never throws. */
  readonly endWaits?: (subscription: SubscriptionRef) => void;
};

/** The process that runs deliveries says this about itself. */
export type PushProcess = {
  /** The milliseconds that it may still work. */
  leftMs(): number;
  /** Ends a delivery that is under way: the process is about to end. */
  readonly signal?: AbortSignal;
  /** Waits between two deliveries of a run, and may let others work meanwhile. Default: the clock's. */
  sleep?(ms: number): Promise<void>;
};

/** `with the process`: this process alone runs deliveries, and has just begun, so that all runs of before are dead. */
export type LeasesOver = 'by the clock' | 'with the process';

/** A subscription of a topic, as the process that begins its runs needs it. */
export type Delivered = SubscriptionRef & { readonly maximumConcurrency?: number };

export type Dispatcher = {
  /** The subscriptions of a topic, also those that are paused. */
  subscriptionsOf(topicId: string): Promise<readonly Delivered[]>;
  /** Delivers one partition until it has caught up. If it rejects, the same invocation must come again. */
  run(invocation: PushInvocation, process?: PushProcess): Promise<void>;
  /** The net under all triggers. Returns how many partitions it sent an invocation for. Call it hourly, and at the start. */
  lookAround(options?: { readonly leasesOver?: LeasesOver; readonly isOver?: () => boolean }): Promise<number>;
};
