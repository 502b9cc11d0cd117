// The scheduler is the one source of order in a simulated world: a queue of events in virtual time. One event runs,
// everything that follows from it in the same instant settles, and then the next event runs. Nothing else makes time
// pass.

export type Scheduler = {
  /** Virtual milliseconds. */
  now(): number;
  /** Runs `event` after `delayMs`. Events of one instant run in the order in which they were scheduled. */
  after(delayMs: number, event: () => void): void;
  /** Runs events until `done`, or until none is left, or until `maxSteps` have run. Returns true if `done`. */
  run(done: () => boolean, maxSteps: number): Promise<boolean>;
  steps(): number;
};

type Event = { readonly atMs: number; readonly order: number; readonly run: () => void };

/** The event loop gets a turn now and then, so that a long world does not look dead from outside. */
const stepsPerTurn = 5_000;
const aTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * When this resolves, every promise that the event settled has run its course, because Node runs a tick only when no
 * microtask is left. Callers must themselves be in a microtask (otherwise the tick would come first), and the engine
 * waits for nothing but promises.
 */
const allSettled = () => new Promise<void>((resolve) => process.nextTick(resolve));

export function createScheduler(startMs: number): Scheduler {
  const heap: Event[] = [];
  let nowMs = startMs;
  let order = 0;
  let steps = 0;
  return {
    now: () => nowMs,
    steps: () => steps,
    after: (delayMs, run) => push(heap, { atMs: nowMs + Math.max(0, Math.ceil(delayMs)), order: order++, run }),
    async run(done, maxSteps) {
      await aTurn();
      for (let budget = maxSteps; budget > 0 && !done(); budget--) {
        const event = pop(heap);
        if (!event) return done();
        nowMs = event.atMs;
        steps++;
        event.run();
        await (steps % stepsPerTurn === 0 ? aTurn() : allSettled());
      }
      return done();
    },
  };
}

const isBefore = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  for (; at > 0; ) {
    const parent = (at - 1) >> 1;
    if (!isBefore(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!top || !last || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    if (left >= heap.length) break;
    const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left;
    if (!isBefore(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}
