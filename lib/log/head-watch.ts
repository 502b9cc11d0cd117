// Looks at the heads that fetches wait for, once for all of them. Other processes append too, and a look is the only way to
// see it. The looks at one head follow the poll schedule, whoever waits and however often it asks anew: an idle partition is
// looked at every two seconds, and one that has just grown is looked at soon again.
//
// Invariant: what a look has seen is announced as an append of this process is. The head that is known is never older than
// the schedule allows, while somebody waits or asks.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { emptyHead, type Head } from '../partition/head.ts';
import type { PageAddress } from '../partition/page.ts';
import { newCache } from '../runtime/cache.ts';
import { createGate, type Gate } from '../runtime/concurrency.ts';
import { pollAfterMs } from '../runtime/poll-schedule.ts';
import { storageFailure } from '../storage/outcome.ts';
import type { Topic } from '../topic/topics.ts';
import { type LogContext, partitionName } from './context.ts';
import { liveHead } from './live-head.ts';

/** A head, or the error that stands for it. */
export type SeenHead = Head | RivuletError;

export type HeadWatch = {
  /** The newest head that this process has seen, by whatever request. It takes no look. */
  seen(): SeenHead;
  /** Looks strongly: sees every acknowledged write. It costs 1 read unit. */
  look(): Promise<SeenHead>;
  /** Looks if the schedule says so. It costs half a unit, or nothing. */
  lookIfDue(): Promise<SeenHead>;
  /** Looks by the schedule until the caller leaves. */
  enter(): void;
  leave(): void;
};

export type HeadWatches = {
  of(topic: Topic, partition: number): HeadWatch;
  /** Throws THROTTLED if too many partitions are waited for. */
  enterAll(watches: readonly HeadWatch[]): () => void;
};

/** Each takes some 300 bytes, and keeps a head. */
const watchesKept = 100_000;
const looksAtOnce = 64;

export function createHeadWatches(context: LogContext): HeadWatches {
  const watches = newCache<HeadWatch>(watchesKept);
  const gate = createGate(looksAtOnce);
  let waitedFor = 0;
  return {
    of(topic, partition) {
      const name = partitionName({ topicId: topic.topicId, partition });
      const watch = watches.get(name) ?? new PartitionWatch({ context, gate, topic, partition });
      watches.set(name, watch);
      return watch;
    },
    enterAll(entered) {
      if (waitedFor + entered.length > limits.waitingPartitions)
        throw new RivuletError(
          'THROTTLED',
          `fetches wait for ${waitedFor} partitions already, and ${entered.length} more would pass the limit of ${limits.waitingPartitions} (waitingPartitions): fetch again later`,
        );
      waitedFor += entered.length;
      for (const watch of entered) watch.enter();
      return () => {
        waitedFor -= entered.length;
        for (const watch of entered) watch.leave();
      };
    },
  };
}

type Subject = {
  readonly context: LogContext;
  readonly gate: Gate;
  readonly topic: Topic;
  readonly partition: number;
};

class PartitionWatch implements HeadWatch {
  readonly #subject: Subject;
  readonly #address: PageAddress;
  #known: Head = emptyHead;
  #error: RivuletError | undefined;
  #dueMs = Number.NEGATIVE_INFINITY;
  /** Looks in a row that saw nothing new. */
  #quietLooks = 0;
  #looking: Promise<SeenHead> | undefined;
  #waiting = 0;
  #isPolling = false;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#address = { topicId: subject.topic.topicId, partition: subject.partition };
  }

  seen(): SeenHead {
    const copy = this.#subject.context.heads.seen(this.#address);
    if (copy && isNewer(copy, this.#known)) {
      this.#known = copy;
      // The reply to an append shows what others have appended before it.
      this.#dueMs = this.#nowMs() + pollAfterMs(this.#quietLooks);
    }
    return this.#error ?? this.#known;
  }

  look(): Promise<SeenHead> {
    return this.#look(true);
  }

  async lookIfDue(): Promise<SeenHead> {
    const now = this.seen();
    const isDue = this.#subject.context.isOnlyWriter || this.#error !== undefined || this.#nowMs() >= this.#dueMs;
    if (!isDue) return now;
    this.#looking ??= this.#subject.gate
      .run(() => this.#look(false))
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  enter(): void {
    this.#waiting++;
    void this.#poll();
  }

  leave(): void {
    this.#waiting--;
  }

  async #look(strong: boolean): Promise<SeenHead> {
    const { context } = this.#subject;
    const before = this.seen();
    this.#error = await this.#read(strong);
    const hasNews = this.#error !== undefined || before instanceof RivuletError || isNewer(this.#known, before);
    this.#quietLooks = hasNews ? 0 : this.#quietLooks + 1;
    this.#dueMs = this.#nowMs() + pollAfterMs(this.#quietLooks);
    if (hasNews) context.notifications.announce(partitionName(this.#address));
    return this.#error ?? this.#known;
  }

  /**
   * Returns the error that stands for the head, if there is one. It never rejects: a look of the schedule has no caller, and
   * those that wait are told of a fault of ours as of any other error.
   */
  async #read(strong: boolean): Promise<RivuletError | undefined> {
    const { context, topic, partition } = this.#subject;
    try {
      const head = await liveHead(context, topic, partition, { strong });
      this.seen();
      if (isNewer(head, this.#known)) this.#known = head;
      return undefined;
    } catch (thrown) {
      const failure = storageFailure(thrown, false, false);
      if (failure instanceof RivuletError) return failure;
      const detail = `the look at partition ${partition} of ${topic.topic} failed`;
      return new RivuletError('UNKNOWN_SERVER_ERROR', detail, { cause: failure });
    }
  }

  /** If only this process writes, it announces everything itself. */
  async #poll(): Promise<void> {
    const { clock, isOnlyWriter } = this.#subject.context;
    if (this.#isPolling || isOnlyWriter) return;
    this.#isPolling = true;
    while (this.#waiting > 0) {
      await clock.sleep(Math.max(0, this.#dueMs - this.#nowMs()));
      this.seen();
      if (this.#waiting > 0 && this.#nowMs() >= this.#dueMs) await this.lookIfDue();
    }
    this.#isPolling = false;
  }

  #nowMs(): number {
    return this.#subject.context.clock.monotonic();
  }
}

/** Neither end of a log goes back, so that a late look shows smaller numbers. */
const isNewer = (head: Head, known: Head): boolean =>
  head.next > known.next || (head.next === known.next && head.logStart > known.logStart);
