// A consumer reads the partitions that the application assigns (`assign`), or the share that its group assigns
// (`subscribe`). Messages come one by one (for await), or go to a handler, one by one or in batches.
//
// Invariant: messages are delivered at least once. The position moves when a message is handed over, and a handler that
// throws moves it back. The consumer commits only what has been handled.

import { closedError, invalid } from '../client-error.ts';
import { type CommittedOffset, type GroupApi, groupApi } from '../group/group-api.ts';
import { GroupMember, type MemberContext, type Subscription } from '../group/group-member.ts';
import type { ConsumedMessage } from '../message.ts';
import { unref } from '../transport/node.ts';
import { steadyTime } from '../transport/steady-time.ts';
import { wholeOption } from '../whole-option.ts';
import {
  type AssignedPartition,
  assignAgain,
  dropReadAhead,
  moveTo,
  offsetBounds,
  type Start,
} from './assigned-partition.ts';
import {
  type Assignment,
  type ConsumerOptions,
  type ConsumerSettings,
  consumerSettings,
  type OffsetToCommit,
  type TopicPartition,
  type TopicPartitions,
} from './consumer-options.ts';
import { deserializing } from './deserialize.ts';
import { type HandlerWatch, handlerWatch } from './handler-watch.ts';
import { called, checkHandlers, type Handlers } from './handlers.ts';
import { newInside } from './inside.ts';
import { messageStream } from './message-stream.ts';
import type { Identity, OffsetCommits, TransactionalCommit } from './offset-commits.ts';
import { isPassing, offsetCommits } from './offset-commits.ts';
import {
  findAssigned,
  nextOffset,
  type OpenBatch,
  PartitionReader,
  partitionKey,
  selectAssigned,
} from './partition-reader.ts';
import { rebalancing } from './rebalance.ts';
import { type SubscribeRequest, subscriptionOf } from './subscription.ts';
import type { FetchContext } from './topic-fetcher.ts';
import { tracedHandlers, tracedReceive } from './traced.ts';

export type ConsumerContext = FetchContext & Omit<MemberContext, 'api'>;

/** `K` and `V` are what the deserializers make; without any, bytes. */
export class Consumer<K = Buffer, V = Buffer> implements AsyncIterable<ConsumedMessage<K, V>> {
  readonly #context: ConsumerContext;
  readonly #settings: ConsumerSettings;
  readonly #reader: PartitionReader;
  readonly #nextBatch: () => Promise<OpenBatch | undefined>;
  readonly #watch: HandlerWatch;
  readonly #inside = newInside();
  readonly #api: GroupApi | undefined;
  readonly #commits: OffsetCommits | undefined;
  #subscription: Subscription | undefined;
  #member: GroupMember | undefined;
  #autoCommit: NodeJS.Timeout | undefined;
  /** During an iteration, the message that the application has, and may still be working on. */
  #inHand: { readonly batch: OpenBatch; readonly next: number } | undefined;
  #run: Promise<void> = Promise.resolve();
  #inRun = false;
  #stopping = 0;
  #closed = false;

  constructor(context: ConsumerContext, options: ConsumerOptions<K, V> = {}) {
    const settings = consumerSettings(options);
    this.#context = context;
    this.#settings = settings;
    this.#watch = handlerWatch(settings.groupId, steadyTime(context.clock), settings.maxPollIntervalMs);
    this.#api = settings.groupId === undefined ? undefined : groupApi(context.connection, settings.groupId);
    const committed = this.#api?.committedOffsets;
    const mayDeliver = () => this.#member?.mayDeliver() ?? true;
    const deserialize = deserializing(settings.deserializers, this.#watch, this.#inside);
    this.#reader = new PartitionReader(context, { ...settings, committed }, mayDeliver, deserialize);
    this.#nextBatch = tracedReceive(() => this.#reader.next(), settings, context.clock.now);
    const identity = (): Identity => (this.#subscription ? (this.#member?.identity() ?? 'lost') : 'none');
    const own = { identity, assigned: () => this.#reader.assigned, timeoutMs: settings.sessionTimeoutMs };
    this.#commits = this.#api && offsetCommits({ ...context, api: this.#api, ...own });
  }

  /** Exists because KafkaJS has it: there is nothing to connect. */
  async connect(): Promise<void> {
    this.#closed = false;
  }

  // --- what to read

  /** The group divides these topics among its members. A new subscription replaces the earlier one. */
  subscribe(request: SubscribeRequest): void {
    if (!this.#api) throw invalid('subscribe needs the option groupId: set it, or assign partitions instead');
    if (!this.#subscription && this.#reader.assigned.size > 0)
      throw invalid('partitions were assigned to this consumer: use another consumer to subscribe');
    this.#subscription = subscriptionOf(request);
    this.#member?.subscribe(this.#subscription);
    if (this.#reader.running && !this.#member) this.#join(this.#subscription);
  }

  /** Replaces the earlier assignment. A partition that stays keeps its position, unless an offset is given. */
  assign(assignments: readonly Assignment[]): void {
    if (this.#subscription)
      throw invalid(
        'this consumer has subscribed, so its group assigns its partitions: use another consumer to assign',
      );
    const before = this.#reader.assigned;
    const assigned = (one: Assignment) => assignAgain(one, before.get(partitionKey(one)), this.#settings);
    this.#reader.set(new Map(assignments.map((one) => [partitionKey(one), assigned(one)])));
    this.#reader.refresh();
  }

  assignment(): TopicPartition[] {
    return [...this.#reader.assigned.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Continues at that offset, or at the first record whose timestamp is at or after that time (epoch milliseconds). */
  seek(to: TopicPartition & ({ readonly offset: number } | { readonly timestamp: number })): void {
    const target: Start | number =
      'offset' in to
        ? wholeOption('offset', to.offset, offsetBounds)
        : { timestampMs: wholeOption('timestamp', to.timestamp, offsetBounds) };
    moveTo(findAssigned(this.#reader.assigned, to), target);
    this.#reader.interrupt(to.topic);
  }

  /** No message of these partitions is handed over until they are resumed. Their positions stay. */
  pause(topics: readonly TopicPartitions[]): void {
    for (const assigned of selectAssigned(this.#reader.assigned, topics)) {
      assigned.paused = true;
      dropReadAhead(assigned);
    }
  }

  resume(topics: readonly TopicPartitions[]): void {
    for (const assigned of selectAssigned(this.#reader.assigned, topics)) assigned.paused = false;
    for (const { topic } of topics) this.#reader.interrupt(topic);
  }

  /** The offset of the next message to be handed over. It is undefined while it has not been looked up. */
  position(of: TopicPartition): number | undefined {
    return findAssigned(this.#reader.assigned, of).position;
  }

  // --- reading

  /**
   * Hands everything to the handler until stop(), and resolves when a group's consumer has committed and left. Rejects with
   * RivuletClientError, or with the error that the handler throws. The position is then at the message, or at the first
   * message of the batch, whose handler threw.
   */
  run(handlers: Handlers<K, V>): Promise<void> {
    const run = this.#runAll(handlers);
    // A run that is refused because another is under way does not replace that one.
    this.#run = Promise.allSettled([this.#run, run]).then(() => undefined);
    return run;
  }

  async #runAll(given: Handlers<K, V>): Promise<void> {
    checkHandlers(given);
    const handlers = tracedHandlers(given, this.#settings.tracing, this.#settings.groupId);
    const workers = wholeOption('concurrency', given.concurrency, { fallback: 1, min: 1, max: 1_000 });
    this.#start();
    this.#settle();
    this.#inRun = true;
    const worker = () => this.#work(handlers).finally(() => this.#reader.halt());
    const ends = await Promise.allSettled(Array.from({ length: workers }, worker));
    await this.#leave();
    this.#inRun = false;
    const late = this.#reader.takeFailure();
    const failure = ends.find((end) => end.status === 'rejected');
    if (failure) throw failure.reason;
    if (late) throw late.error;
  }

  async #work(handlers: Handlers<K, V>): Promise<void> {
    for (let batch = await this.#nextBatch(); batch; batch = await this.#nextBatch()) {
      try {
        await this.#inside.run(() =>
          handlers.eachBatch
            ? this.#handBatch(batch, handlers.eachBatch)
            : this.#handMessages(batch, handlers.eachMessage),
        );
      } finally {
        this.#reader.done(batch);
      }
    }
  }

  async #handBatch(batch: OpenBatch, eachBatch: NonNullable<Handlers<K, V>['eachBatch']>): Promise<void> {
    const { assigned, highWatermark } = batch;
    const all = batch.messages as readonly ConsumedMessage<K, V>[];
    const { topic, partition } = assigned;
    const step = this.#settings.maxPollRecords;
    for (let from = 0; from < all.length && this.#reader.counts(batch); from += step) {
      const messages = all.slice(from, from + step);
      const next = nextOffset(batch, from + messages.length - 1);
      await this.#handle(batch, messages[0]!.offset, next, () =>
        eachBatch({ topic, partition, messages, highWatermark }),
      );
    }
  }

  async #handMessages(batch: OpenBatch, eachMessage: NonNullable<Handlers<K, V>['eachMessage']>): Promise<void> {
    const messages = batch.messages as readonly ConsumedMessage<K, V>[];
    for (let at = 0; at < messages.length && this.#reader.counts(batch); at++) {
      const message = messages[at]!;
      const working = this.#handle(batch, message.offset, nextOffset(batch, at), () => eachMessage(message));
      if (working !== undefined) await working;
    }
  }

  #handle(
    batch: OpenBatch,
    offset: number,
    next: number,
    handle: () => Promise<void> | void,
  ): Promise<void> | undefined {
    const { assigned, moves } = batch;
    assigned.position = next;
    this.#watch.begin(batch, offset);
    return called(handle, (hasFailed) => {
      this.#watch.end(batch);
      if (!hasFailed) this.#reader.processed(batch, next);
      // If the handler itself moved the position before it threw, its move wins.
      else if (assigned.moves === moves) assigned.position = offset;
    });
  }

  /**
   * Only one iteration can run at a time. It ends with stop(), or throws RivuletClientError and can then be started again.
   * A message counts as handled when the application asks for the next one. After the loop, a group's consumer is still a
   * member until stop(), and so keeps the process alive.
   */
  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage<K, V>, undefined> {
    let batch: OpenBatch | undefined;
    let at = 0;
    const end = () => {
      if (batch) this.#reader.done(batch);
      batch = undefined;
      this.#reader.halt();
      return { value: undefined, done: true } as const;
    };
    const refill = async (): Promise<IteratorResult<ConsumedMessage<K, V>, undefined>> => {
      if (batch) this.#reader.done(batch);
      batch = undefined;
      try {
        batch = await this.#nextBatch();
      } catch (error) {
        end();
        this.#reader.takeFailure();
        throw error;
      }
      at = 1;
      return batch ? { value: this.#hand(batch, 0), done: false } : end();
    };
    const next = (): Promise<IteratorResult<ConsumedMessage<K, V>, undefined>> => {
      this.#settle();
      const goesOn = batch && at < batch.messages.length && this.#reader.counts(batch);
      return goesOn ? Promise.resolve({ value: this.#hand(batch!, at++), done: false }) : refill();
    };
    this.#start();
    return { next, return: () => Promise.resolve(end()) };
  }

  /** The iteration as a stream, which keeps no message of its own. A cancel or a failure calls stop(). docs/SDK-GUIDE.md */
  stream(): ReadableStream<ConsumedMessage<K, V>> {
    return messageStream(this);
  }

  #hand(batch: OpenBatch, at: number): ConsumedMessage<K, V> {
    const message = batch.messages[at] as ConsumedMessage<K, V>;
    const next = nextOffset(batch, at);
    batch.assigned.position = next;
    this.#inHand = { batch, next };
    this.#watch.begin(batch, message.offset);
    return message;
  }

  /** The application is done with the message that it had. */
  #settle(): void {
    if (!this.#inHand) return;
    const { batch, next } = this.#inHand;
    this.#inHand = undefined;
    this.#watch.end(batch);
    this.#reader.processed(batch, next);
  }

  /** Gives the message back without counting it as handled, because nothing shows that it was. */
  #abandonInHand(): void {
    if (!this.#inHand) return;
    const { batch } = this.#inHand;
    this.#inHand = undefined;
    this.#watch.end(batch);
    this.#reader.done(batch);
  }

  #start(): void {
    if (this.#closed) throw closedError('consumer');
    if (this.#reader.running || this.#inRun || this.#stopping > 0)
      throw invalid('the consumer is being read already, or has not stopped yet: wait for stop()');
    if (!this.#subscription && this.#reader.assigned.size === 0)
      throw invalid('the consumer has nothing to read: subscribe or assign first');
    this.#reader.start();
    if (this.#subscription && (!this.#member || this.#member.ended)) this.#join(this.#subscription);
    if (this.#commits && this.#settings.autoCommit) {
      clearInterval(this.#autoCommit);
      // The timer alone must not keep alive a process that has stopped reading.
      this.#autoCommit = unref(setInterval(() => void this.#commitProcessed(), this.#settings.autoCommitIntervalMs));
    }
  }

  /**
   * Ends run() and iterations immediately, even in the middle of a long poll. A group's consumer lets the handlers finish,
   * commits what was handled, and leaves. When a handler or listener calls stop(), it does not wait for all that. Throws
   * RivuletClientError when that commit was refused, unless run() throws it.
   */
  async stop(): Promise<void> {
    this.#reader.halt();
    const isInside = this.#inside.isHere();
    if (this.#inRun) return isInside ? undefined : this.#run;
    this.#stopping++;
    const left = this.#run
      .then(() => {
        this.#abandonInHand();
        return this.#leave();
      })
      .finally(() => this.#stopping--);
    if (isInside) return;
    await left;
    const failure = this.#reader.takeFailure();
    if (failure) throw failure.error;
  }

  async disconnect(): Promise<void> {
    this.#closed = true;
    await this.stop();
  }

  #join(subscription: Subscription): void {
    const { listener } = this.#settings;
    const commit = (partitions: readonly AssignedPartition[]) => this.#commitProcessed(partitions);
    const { drop, ...changes } = rebalancing({ reader: this.#reader, listener, commit });
    this.#member = new GroupMember({ ...this.#context, api: this.#api! }, this.#settings, subscription, {
      drop,
      assign: (...args) => this.#inside.run(() => changes.assign(...args)),
      revoke: (...args) => this.#inside.run(() => changes.revoke(...args)),
      lost: (...args) => this.#inside.run(() => changes.lost(...args)),
      fail: (error) => this.#reader.fail(error),
      wake: () => this.#reader.wake(),
      slow: () => this.#watch.slow(),
      told: (event) => listener.onMembership?.(event),
    });
  }

  async #leave(): Promise<void> {
    clearInterval(this.#autoCommit);
    if (this.#member) await this.#member.leave();
    else if (this.#commits) await this.#commitProcessed([...this.#reader.assigned.values()]);
    this.#member = undefined;
  }

  /** An automatic commit may fail: a later one makes up for it, or, for partitions that are given up, redelivery does. */
  async #commitProcessed(partitions?: readonly AssignedPartition[]): Promise<void> {
    if (!this.#commits || !this.#settings.autoCommit) return;
    try {
      await this.#commits.commitProcessed(partitions);
    } catch (error) {
      if (!isPassing(error)) this.#reader.fail(error);
      else if (partitions) this.#settings.listener.onMembership?.({ type: 'not-committed', reason: error });
    }
  }

  /** Commits these offsets, or without any, what has been handled. Throws RivuletClientError. */
  async commit(offsets?: readonly OffsetToCommit[]): Promise<void> {
    if (!this.#commits) throw invalid('commit needs the option groupId: set it');
    if (!offsets) return this.#commits.commitProcessed();
    await this.#commits.commit(offsets);
  }

  /** Used by `sendOffsets` of a transaction. */
  forTransaction(offsets: readonly OffsetToCommit[]): TransactionalCommit {
    if (!this.#commits) throw invalid('sendOffsets needs a consumer with the option groupId: set it');
    return this.#commits.forTransaction(offsets);
  }

  /** Returns the offsets that the group has committed, of one topic or of all. */
  async committed(topic?: string): Promise<CommittedOffset[]> {
    if (!this.#api) throw invalid('committed needs the option groupId: set it');
    return this.#api.committed(topic);
  }
}
