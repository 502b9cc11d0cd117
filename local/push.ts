// The dispatcher of the embedded backend. In AWS a stream, a router and Lambda's queue do this. It hears of every append, begins a
// run for each subscription of the topic, and brings an invocation again if its run failed.
//
// Invariant: a partition of a subscription has one run at a time, and an append that comes during a run is looked at after it. So
// nothing is missed between the last look of a run and its end. Only so many runs are at work at a time that requests go on. A run
// that waits leaves its place to the others. With `maximumConcurrency` the engine also counts leases, and a run keeps its lease
// through a wait of up to 20 s (docs/adr/0030).
import type { Delivered, Dispatcher, Invoke, PushInvocation, PushPorts } from '../lib/api/push.ts';
import type { AppendNotifications } from '../lib/log/append-notifications.ts';
import { newCache } from '../lib/runtime/cache.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import { createGate, createGates, type Gates } from '../lib/runtime/concurrency.ts';

/** Each waits for its target most of the time. Produce and fetch have the event loop meanwhile. */
const runsAtOnce = 64;
/** One subscription with slow targets leaves room for the others. */
const runsOfSubscription = 16;
/** Lambda waits a minute. Here nobody pays for a try. */
const repeatMs = 10_000;
const hourMs = 3_600_000;
const firstNetMs = 90_000;
/** The lists of the topics that were written to last. Another one is read again. */
const listsKept = 10_000;
/** A stop waits so long for deliveries that were told to end. */
const stopMs = 5_000;

export type LocalPush = {
  readonly ports: Pick<PushPorts, 'invoke' | 'onSubscriptions' | 'endWaits'>;
  /** The same notifications, which this dispatcher hears too. */
  readonly notifications: AppendNotifications;
  /** All runs of before are dead: it looks at every partition, and then once an hour. */
  start(dispatcher: Dispatcher): void;
  /** No run begins after this. Resolves when those at work have ended, or after a few seconds. */
  stop(): Promise<void>;
};

type Options = {
  readonly clock: Clock;
  readonly notifications: AppendNotifications;
  readonly onFailure: (error: unknown) => void;
};

export function createLocalPush({ clock, notifications, onFailure }: Options): LocalPush {
  const ending = new AbortController();
  const { signal } = ending;
  const leftMs = () => (signal.aborted ? 0 : Number.POSITIVE_INFINITY);
  const waits = createWaits(clock, signal);
  const timers = createTimers();
  let dispatcher: Dispatcher | undefined;
  const lists = createLists((topicId) => dispatcher!.subscriptionsOf(topicId));
  const failed = (error: unknown) => void (signal.aborted || onFailure(error));

  /** The same invocation comes again, as from Lambda's queue: it takes over from its predecessor. */
  const runOne = async (invocation: PushInvocation, place: Place): Promise<void> => {
    const sleep = (ms: number) => place.without(() => waits.sleep(invocation.groupId, ms));
    try {
      await dispatcher!.run(invocation, { leftMs, signal, sleep });
    } catch (error) {
      failed(error);
      timers.later(repeatMs, () => submit(invocation));
    }
  };
  const limitOf = ({ topicId, groupId }: PushInvocation): number =>
    lists.known(topicId)?.find((one) => one.groupId === groupId)?.maximumConcurrency ?? runsOfSubscription;
  const queue = createQueue(runOne, limitOf, signal);
  /** The list is read first, because it says how many may be at work. */
  const submit = (invocation: PushInvocation): void => {
    const inQueue = () => queue.submit(invocation);
    if (dispatcher && !signal.aborted) void lists.of(invocation.topicId).then(inQueue, inQueue);
  };

  const invoke: Invoke = async (invocation, whenMs = 0) => {
    const waitMs = whenMs - clock.now();
    if (waitMs > 0) timers.later(waitMs, () => submit(invocation));
    else submit(invocation);
  };
  const onAppend = (partitionName: string): void => {
    if (signal.aborted || !dispatcher) return;
    const at = partitionName.lastIndexOf('/');
    const [topicId, partition] = [partitionName.slice(0, at), Number(partitionName.slice(at + 1))];
    void lists.of(topicId).then((subscriptions) => {
      for (const { groupId, topic } of subscriptions) submit({ id: newId(clock), groupId, topic, topicId, partition });
    }, failed);
  };
  const net = (): void => {
    void dispatcher!.lookAround({ isOver: () => signal.aborted }).catch(failed);
    timers.later(hourMs, net);
  };

  return {
    ports: { invoke, onSubscriptions: lists.forget, endWaits: ({ groupId }) => waits.end(groupId) },
    notifications: {
      ...notifications,
      announce(partition) {
        notifications.announce(partition);
        onAppend(partition);
      },
    },
    start(given) {
      dispatcher = given;
      void dispatcher.lookAround({ leasesOver: 'with the process' }).catch(failed);
      timers.later(firstNetMs, net);
    },
    async stop() {
      ending.abort();
      timers.end();
      await queue.settled();
    },
  };
}

const newId = (clock: Clock): string => Buffer.from(clock.randomBytes(16)).toString('base64url');

function createTimers() {
  const timers = new Set<NodeJS.Timeout>();
  return {
    later(ms: number, work: () => void): void {
      const timer = setTimeout(() => {
        timers.delete(timer);
        work();
      }, ms);
      timers.add(timer.unref());
    },
    end(): void {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The waits of runs between two deliveries. A stop ends them all, and the next try that somebody wants now those of a group. */
function createWaits(clock: Clock, signal: AbortSignal) {
  const waits = new Set<{ readonly groupId: string; end(): void }>();
  return {
    async sleep(groupId: string, ms: number): Promise<void> {
      const ended = new AbortController();
      const wait = { groupId, end: () => ended.abort() };
      waits.add(wait);
      await clock.sleep(ms, AbortSignal.any([ended.signal, signal]));
      waits.delete(wait);
    },
    end(groupId: string): void {
      for (const wait of waits) if (wait.groupId === groupId) wait.end();
    },
  };
}

/** A place of those that may be at work. `without` leaves it for as long as the wait takes, and then waits for another one. */
type Place = { without(wait: () => Promise<void>): Promise<void> };
/** Takes a place for as long as `stay` takes. */
type Enter = (stay: () => Promise<void>) => Promise<void>;

async function inPlace(enter: Enter, work: (place: Place) => Promise<void>): Promise<void> {
  let leave = (): void => {};
  const take = () =>
    new Promise<void>((taken) => {
      void enter(() => {
        taken();
        return new Promise<void>((left) => {
          leave = left;
        });
      });
    });
  const without = async (wait: () => Promise<void>): Promise<void> => {
    leave();
    await wait();
    await take();
  };
  await take();
  try {
    await work({ without });
  } finally {
    leave();
  }
}

/** A partition of a subscription. `next` is looked at when the run that is at work has ended. */
type Slot = { next: PushInvocation | undefined };

function createQueue(
  run: (invocation: PushInvocation, place: Place) => Promise<void>,
  limitOf: (invocation: PushInvocation) => number,
  signal: AbortSignal,
) {
  const all = createGate(runsAtOnce);
  const gatesOfLimit = new Map<number, Gates>();
  const slots = new Map<string, Slot>();
  const working = new Set<Promise<void>>();

  const enterFor = (invocation: PushInvocation): Enter => {
    const limit = limitOf(invocation);
    const gates = gatesOfLimit.get(limit) ?? createGates(limit);
    gatesOfLimit.set(limit, gates);
    return (stay) => gates.run(invocation.groupId, () => all.run(stay));
  };
  const workOff = async (name: string, slot: Slot): Promise<void> => {
    while (slot.next && !signal.aborted) {
      const invocation = slot.next;
      await inPlace(enterFor(invocation), async (place) => {
        if (slot.next === invocation) slot.next = undefined;
        if (!signal.aborted) await run(invocation, place);
      });
    }
    // In the same turn as the last look: an invocation that comes from now on gets a slot of its own.
    slots.delete(name);
  };

  return {
    submit(invocation: PushInvocation): void {
      if (signal.aborted) return;
      const name = JSON.stringify([invocation.groupId, invocation.topicId, invocation.partition]);
      const slot = slots.get(name);
      if (slot) {
        // An invocation that follows a term may take the partition where another one may not.
        if (!slot.next || invocation.follows !== undefined) slot.next = invocation;
        return;
      }
      const fresh = { next: invocation };
      slots.set(name, fresh);
      const work = workOff(name, fresh).finally(() => working.delete(work));
      working.add(work);
    },
    async settled(): Promise<void> {
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopMs);
      });
      await Promise.race([Promise.allSettled(working), over]);
      clearTimeout(timer);
    },
  };
}

/** The subscriptions of topics, read once until they change. Most topics have none, and every append asks. */
function createLists(read: (topicId: string) => Promise<readonly Delivered[]>) {
  type List = { readonly reading: Promise<readonly Delivered[]>; known?: readonly Delivered[] };
  const lists = newCache<List>(listsKept);
  return {
    known: (topicId: string) => lists.get(topicId)?.known,
    forget: (topicId: string) => void lists.delete(topicId),
    of(topicId: string): Promise<readonly Delivered[]> {
      const kept = lists.get(topicId);
      if (kept !== undefined) return kept.reading;
      const list: List = { reading: read(topicId) };
      lists.set(topicId, list);
      list.reading.then(
        (found) => {
          list.known = found;
        },
        () => void (lists.get(topicId) === list && lists.delete(topicId)),
      );
      return list.reading;
    },
  };
}
