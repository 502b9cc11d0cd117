// A fetcher reads one topic's partitions ahead of the application. It sends one long poll for all of them, keeps its answer
// until the answer is taken, and then sends the next. So one answer is being worked on and at most one waits, which bounds
// the memory. While no records come, the waits grow to maxWaitMs. After an empty answer that came before its wait was over,
// the fetcher pauses: it never loops without a pause. With maxIdlePauseMs it waits here instead of at the server, because
// AWS bills a function for the time that it waits, and a pause costs nothing.
//
// Invariant: a failure in one partition delays that partition only, unless no repeat can help. Such a failure is passed on,
// behind everything that was read before it.

import { catalogue, type ErrorCode } from '../../lib/api/errors.ts';
import { type BatchHeader, splitBatches } from '../../lib/record/batch-header.ts';
import { BATCHES_MEDIA_TYPE, decodeFetchFrames, type FetchFrame } from '../../lib/record/frames.ts';
import { type Clock, fullJitterMs } from '../../lib/runtime/clock.ts';
import { type ClientErrorDetails, errorOfKafkaCode, isClientError, RivuletClientError } from '../client-error.ts';
import type { CommittedOffsets } from '../group/group-api.ts';
import { type Answer, type Connection, errorOfAnswer } from '../transport/connection.ts';
import { paths } from '../transport/paths.ts';
import { backoffMs, pause, type RetryPolicy } from '../transport/retry.ts';
import {
  type AssignedPartition,
  hasReadAhead,
  heldAtMost,
  lookUpStarts,
  type OffsetReset,
  resetTo,
} from './assigned-partition.ts';
import { type RetentionWarning, warningOf } from './retention-watch.ts';

export type FetchSettings = {
  readonly autoOffsetReset: OffsetReset;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly minBytes: number;
  readonly maxWaitMs: number;
  readonly maxIdlePauseMs: number;
  /** Set for a consumer with a group. A topic that is gone is then no failure, because the group takes it away. */
  readonly committed: CommittedOffsets | undefined;
  readonly onRetention: ((warning: RetentionWarning) => void) | undefined;
};

export type FetchContext = {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  readonly requestTimeoutMs: number;
};

/** One packed batch, at index `at` of `bytes`. It is of no use once the partition is in another fetch generation. */
export type FetchedBatch = {
  readonly assigned: AssignedPartition;
  readonly fetchGeneration: number;
  /** The requested offset: a batch may hold records below it, which are left out. */
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly header: BatchHeader;
  readonly highWatermark: number;
};

/** `failure` happened after the batches, so it is reported after them. */
export type Fetched = { readonly batches: FetchedBatch[]; readonly failure?: RivuletClientError | undefined };

type Asked = { readonly assigned: AssignedPartition; readonly fetchGeneration: number; readonly offset: number };

const firstWaitMs = 500;
const firstPauseMs = 50;
/** With every partition paused, the fetcher has nothing to do until it is interrupted. */
const idleMs = 60_000;
const outOfRange = catalogue.OFFSET_OUT_OF_RANGE.kafkaErrorCode;
const vanished: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INCONSISTENT_TOPIC_ID']);

export class TopicFetcher {
  readonly topic: string;
  readonly #context: FetchContext;
  readonly #settings: FetchSettings;
  readonly #whenFetched: () => void;
  #partitions: AssignedPartition[];
  #topicId: string | undefined;
  #fetched: Fetched | undefined;
  #whenTaken: (() => void) | undefined;
  #round = new AbortController();
  #stopped = false;
  #failures = 0;
  #empty = 0;

  constructor(
    context: FetchContext,
    settings: FetchSettings,
    topic: string,
    partitions: readonly AssignedPartition[],
    whenFetched: () => void,
  ) {
    this.#context = context;
    this.#settings = settings;
    this.topic = topic;
    this.#partitions = [...partitions];
    this.#topicId = partitions[0]?.topicId;
    this.#whenFetched = whenFetched;
    void this.#run();
  }

  get partitions(): readonly AssignedPartition[] {
    return this.#partitions;
  }

  /** The next request asks for these partitions. It is sent immediately if any of them is new. */
  replace(partitions: readonly AssignedPartition[]): void {
    const before = new Set(this.#partitions);
    this.#partitions = [...partitions];
    if (partitions.some((one) => !before.has(one))) this.interrupt();
  }

  /** Returns what has been read, if anything, and lets the next request start. */
  take(): Fetched | undefined {
    const fetched = this.#fetched;
    this.#fetched = undefined;
    if (fetched) this.#whenTaken?.();
    return fetched;
  }

  /** Ends the request under way. A partition began a new fetch generation or was resumed, and the request predates that. */
  interrupt(): void {
    this.#round.abort();
  }

  stop(): void {
    this.#stopped = true;
    this.#round.abort();
    this.#whenTaken?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#round = new AbortController();
      const { signal } = this.#round;
      try {
        this.#give(await this.#fetch(signal));
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) continue;
        await this.#failed(error, signal);
      }
      if (this.#fetched) await new Promise<void>((resolve) => (this.#whenTaken = resolve));
    }
  }

  #give(fetched: Fetched): void {
    if (this.#stopped || (fetched.batches.length === 0 && !fetched.failure)) return;
    this.#fetched = fetched;
    this.#whenFetched();
  }

  /** Handles a failure of the whole request. If a repeat can help, the request is repeated for as long as it takes. */
  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, retry } = this.#context;
    const known = isClientError(error) ? error : corrupt(error, {});
    // The next wait is short, so that an answer soon shows that the service works again.
    this.#empty = 0;
    if (this.#passes(known)) return pause(backoffMs(clock, retry, ++this.#failures, known), signal);
    const [only, another] = this.#partitions;
    const where = another ? {} : { partition: only?.partition, offset: only?.fetchOffset };
    this.#give({ batches: [], failure: known.with({ topic: this.topic, ...where }) });
  }

  /** Whether the same request may do better later. */
  #passes(error: RivuletClientError): boolean {
    return error.retriable || (this.#settings.committed !== undefined && vanished.has(error.errorCode));
  }

  async #fetch(signal: AbortSignal): Promise<Fetched> {
    const { clock, connection } = this.#context;
    const startedMs = clock.monotonic();
    const wanted = this.#partitions.filter((one) => isWanted(one) && one.retryAtMs <= startedMs);
    const { autoOffsetReset, committed } = this.#settings;
    await lookUpStarts({ connection, autoOffsetReset, committed }, this.topic, wanted, signal);
    const asked = wanted.flatMap((assigned) => {
      const { fetchGeneration, fetchOffset } = assigned;
      return fetchOffset === undefined ? [] : [{ assigned, fetchGeneration, offset: fetchOffset }];
    });
    const growingMs = this.#waitMs(startedMs);
    if (asked.length === 0) {
      await pause(wanted.length > 0 ? 0 : growingMs, signal);
      return { batches: [] };
    }
    const waitMs = this.#settings.maxIdlePauseMs > 0 ? 0 : growingMs;
    const answer = await this.#exchange(asked, waitMs, signal);
    const fetched = await this.#read(asked, answer, signal);
    await this.#rest(fetched, clock.monotonic() - startedMs, waitMs, signal);
    return fetched;
  }

  /** The wait lasts until records arrive, or until a partition that failed is due for its next try. */
  #waitMs(nowMs: number): number {
    const active = this.#partitions.filter(isWanted);
    const retries = active.map((one) => one.retryAtMs - nowMs).filter((leftMs) => leftMs > 0);
    const longest = retries.length === active.length ? idleMs : this.#settings.maxWaitMs;
    const grown = retries.length === active.length ? idleMs : firstWaitMs * 2 ** Math.min(this.#empty, 10);
    return Math.ceil(Math.min(longest, grown, ...retries));
  }

  async #exchange(asked: readonly Asked[], waitMs: number, signal: AbortSignal): Promise<Answer> {
    const { maxBytes, maxBytesPerPartition, minBytes } = this.#settings;
    const answer = await this.#context.connection.exchange({
      method: 'POST',
      path: paths.fetch(this.topic),
      body: {
        topicId: this.#topicId,
        partitions: asked.map(({ assigned, offset }) => ({
          partition: assigned.partition,
          offset,
          maxBytes: maxBytesPerPartition,
        })),
        maxBytes,
        minBytes,
        waitMs,
      },
      accept: BATCHES_MEDIA_TYPE,
      writes: false,
      timeoutMs: this.#context.requestTimeoutMs + waitMs,
      signal,
    });
    if (answer.status >= 300) throw errorOfAnswer(answer, false);
    const topicId = answer.headers['rivulet-topic-id'];
    if (typeof topicId === 'string') this.#topicId = topicId;
    return answer;
  }

  async #read(asked: readonly Asked[], answer: Answer, signal: AbortSignal): Promise<Fetched> {
    const byPartition = new Map(asked.map((one) => [one.assigned.partition, one]));
    const batches: FetchedBatch[] = [];
    let failure: RivuletClientError | undefined;
    for (const frame of decodeFetchFrames(answer.body)) {
      const one = byPartition.get(frame.partition);
      if (!one || one.fetchGeneration !== one.assigned.fetchGeneration) continue;
      const failed = frame.errorCode !== 0;
      const error = failed ? await this.#partitionFailed(one, frame, signal) : this.#readBatches(one, frame, batches);
      failure ??= error;
    }
    return { batches, failure };
  }

  /** @returns the error when the bytes of the frame are not batches. */
  #readBatches(asked: Asked, frame: FetchFrame, into: FetchedBatch[]): RivuletClientError | undefined {
    const { assigned, fetchGeneration, offset } = asked;
    const { highWatermark, batches: bytes } = frame;
    assigned.failures = 0;
    this.#warn(assigned, frame);
    // A partition with records goes to the end: an answer is bounded as a whole, so the others must come first next time.
    if (bytes.length > 0) this.#partitions = [...this.#partitions.filter((one) => one !== assigned), assigned];
    try {
      for (const { header, from: at } of splitBatches(bytes)) {
        const end = header.baseOffset + header.lastOffsetDelta + 1;
        // The first batch may begin, and even end, below the requested offset.
        if (end <= offset) continue;
        into.push({ assigned, fetchGeneration, from: offset, bytes, at, header, highWatermark });
        assigned.fetchOffset = end;
      }
      return undefined;
    } catch (cause) {
      return corrupt(cause, { topic: this.topic, partition: assigned.partition, offset: assigned.fetchOffset });
    }
  }

  /** @returns the error when no repeat can help. */
  async #partitionFailed(
    asked: Asked,
    frame: FetchFrame,
    signal: AbortSignal,
  ): Promise<RivuletClientError | undefined> {
    const { assigned } = asked;
    const { clock, retry } = this.#context;
    const { autoOffsetReset } = this.#settings;
    const error = await this.#explain(asked, frame, signal);
    if (asked.fetchGeneration !== assigned.fetchGeneration) return undefined;
    const isOut = frame.errorCode === outOfRange;
    const waits = isOut && hasReadAhead(assigned, frame.highWatermark);
    const resets = isOut && !waits && autoOffsetReset !== 'none';
    if (isOut && !waits) this.#warn(assigned, frame);
    if (resets) resetTo(assigned, autoOffsetReset);
    else if (!waits && !this.#passes(error)) return error;
    // After the first reset the partition is read immediately. Further failures in a row delay it.
    if (!resets || assigned.failures > 0) {
      assigned.retryAtMs = clock.monotonic() + backoffMs(clock, retry, assigned.failures + 1);
    }
    assigned.failures++;
    return undefined;
  }

  #warn(assigned: AssignedPartition, frame: FetchFrame): void {
    const warning = warningOf(assigned, frame);
    if (warning) this.#settings.onRetention?.(warning);
  }

  /** A frame has only Kafka's number, which several errors share. A request for this partition alone gets the full error. */
  async #explain({ assigned, offset }: Asked, frame: FetchFrame, signal: AbortSignal): Promise<RivuletClientError> {
    const { topic, partition } = assigned;
    const { errorCode, highWatermark, logStartOffset } = frame;
    const details = { topic, partition, offset, extra: { highWatermark, logStartOffset } };
    const plain = errorOfKafkaCode(errorCode, details);
    if (errorCode === outOfRange) return plain;
    const path = paths.partitionRecords(topic, partition);
    const call = {
      method: 'GET',
      path,
      query: { maxBytes: 1, offset },
      accept: BATCHES_MEDIA_TYPE,
      writes: false,
    } as const;
    const answer = await this.#context.connection.exchange({ ...call, signal }).catch(() => undefined);
    if (!answer || answer.status < 300) return plain;
    const full = errorOfAnswer(answer, false);
    const same = catalogue[full.errorCode as ErrorCode]?.kafkaErrorCode === errorCode;
    return same ? full.with({ topic, partition, offset }) : plain;
  }

  /** Counts empty answers. Pauses when the server answered before its wait was over, or was asked not to wait. */
  async #rest(fetched: Fetched, tookMs: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const { maxIdlePauseMs } = this.#settings;
    this.#empty = fetched.batches.length > 0 || fetched.failure ? 0 : this.#empty + 1;
    const reset = this.#partitions.some((one) => one.fetchOffset === undefined && isWanted(one));
    if (this.#empty === 0 || reset) return;
    if (maxIdlePauseMs > 0) await pause(this.#idlePauseMs(), signal);
    else if (tookMs < Math.max(waitMs / 2, 50))
      await pause(fullJitterMs(clock, this.#empty, firstPauseMs, 1_000), signal);
  }

  /** The pause doubles up to the bound, less a random fifth at most. It ends when a failed partition is due for a retry. */
  #idlePauseMs(): number {
    const { clock } = this.#context;
    const grownMs = Math.min(this.#settings.maxIdlePauseMs, firstPauseMs * 2 ** Math.min(this.#empty, 20));
    const nowMs = clock.monotonic();
    const retries = this.#partitions.map((one) => one.retryAtMs - nowMs).filter((leftMs) => leftMs > 0);
    return Math.min(grownMs * (0.8 + 0.2 * clock.random()), ...retries);
  }
}

function isWanted({ paused, answersHeld }: AssignedPartition): boolean {
  return !paused && answersHeld < heldAtMost;
}

/** The error of bytes that are not valid. It is not retriable, because the same request would return the same bytes. */
function corrupt(cause: unknown, where: ClientErrorDetails): RivuletClientError {
  return new RivuletClientError('CORRUPT_MESSAGE', String(cause), { ...where, cause });
}
