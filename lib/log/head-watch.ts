// Looks at the heads that fetches wait for, once for all of them. Other processes append too, and a look is the only way to
// see it. The looks at one head follow the poll schedule, whoever waits and however often it asks anew: an idle partition is
// looked at every two seconds, and one that has just grown is looked at soon again.
//
// Invariant: what a look has seen is announced as an append of this process is. What is known of a head is never older than
// the schedule allows, while somebody waits or asks.
import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { emptyHead, type Head } from '../partition/head.ts';
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
  /** What is known without a look: the newest head that this process has seen, by whatever request. */
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
      const watch = watches.get(name) ?? createHeadWatch({ context, gate, topic, partition });
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

function createHeadWatch({ context, gate, topic, partition }: Subject): HeadWatch {
  const { clock } = context;
  const address = { topicId: topic.topicId, partition };
  let known: Head = emptyHead;
  let error: RivuletError | undefined;
  let dueMs = Number.NEGATIVE_INFINITY;
  /** Looks in a row that saw nothing new. */
  let quietLooks = 0;
  let looking: Promise<SeenHead> | undefined;
  let waiting = 0;
  let isPolling = false;

  function seen(): SeenHead {
    const copy = context.heads.seen(address);
    if (copy && isNewer(copy, known)) {
      known = copy;
      // The reply to an append shows what others have appended before it.
      dueMs = clock.monotonic() + pollAfterMs(quietLooks);
    }
    return error ?? known;
  }

  async function lookOnce(strong: boolean): Promise<SeenHead> {
    const before = seen();
    try {
      const head = await liveHead(context, topic, partition, { strong });
      error = undefined;
      const newest = seen() as Head;
      if (isNewer(head, newest)) known = head;
    } catch (thrown) {
      const failure = storageFailure(thrown, false, false);
      if (!(failure instanceof RivuletError)) throw failure;
      error = failure;
    }
    const hasNews = error !== undefined || before instanceof RivuletError || isNewer(known, before);
    quietLooks = hasNews ? 0 : quietLooks + 1;
    dueMs = clock.monotonic() + pollAfterMs(quietLooks);
    if (hasNews) context.notifications.announce(partitionName(address));
    return error ?? known;
  }

  const isDue = (): boolean => context.isOnlyWriter || error !== undefined || clock.monotonic() >= dueMs;

  async function lookIfDue(): Promise<SeenHead> {
    const now = seen();
    if (!isDue()) return now;
    looking ??= gate.run(() => lookOnce(false)).finally(() => (looking = undefined));
    return looking;
  }

  /** If only this process writes, it announces everything itself. */
  async function poll(): Promise<void> {
    if (isPolling || context.isOnlyWriter) return;
    isPolling = true;
    while (waiting > 0) {
      await clock.sleep(Math.max(0, dueMs - clock.monotonic()));
      seen();
      if (waiting > 0 && clock.monotonic() >= dueMs) await lookIfDue();
    }
    isPolling = false;
  }

  return {
    seen,
    look: () => lookOnce(true),
    lookIfDue,
    enter() {
      waiting++;
      void poll();
    },
    leave() {
      waiting--;
    },
  };
}

/** Neither end of a log goes back, so that a late look shows smaller numbers. */
const isNewer = (head: Head, known: Head): boolean =>
  head.next > known.next || (head.next === known.next && head.logStart > known.logStart);
