// Time and chance of the model. Time passes only from one due sleep to the next, so an hour of AWS takes seconds here, and the
// speed of this machine does not show. One seed is one history.
import type { Clock } from '../../../lib/runtime/clock.ts';
import type { Duration, Stall } from './published.ts';

export type VirtualTime = {
  readonly clock: Clock;
  /** A duration in ms, drawn from the lognormal distribution with these percentiles. */
  draw(duration: Duration): number;
  /** The time that a stall adds: mostly none. */
  drawStall(stall: Stall): number;
  /** The time between two events that come independently, so many a second. */
  drawGap(perSecond: number): number;
  /** Lets time pass until the work has ended. */
  run<T>(work: Promise<T>): Promise<T>;
};

type Sleep = { readonly untilMs: number; readonly wake: () => void };

const startMs = Date.UTC(2026, 0, 1);
/** The 99th percentile of the normal distribution. */
const normalP99 = 2.326;

export function newVirtualTime(seed: number): VirtualTime {
  const random = newRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  /** The next one to wake is the last. */
  const sleeps: Sleep[] = [];
  let nowMs = 0;
  const clock: Clock = {
    now: () => startMs + Math.floor(nowMs),
    monotonic: () => nowMs,
    sleep: (ms) => new Promise((wake) => insert(sleeps, { untilMs: nowMs + Math.max(0, ms), wake })),
    random,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
  };
  return {
    clock,
    draw: ({ p50, p99 }) => p50 * Math.exp((normal() * Math.log(p99 / p50)) / normalP99),
    drawStall: ({ every, fromMs, toMs }) => (random() * every < 1 ? fromMs + random() * (toMs - fromMs) : 0),
    drawGap: (perSecond) => (-Math.log(1 - random()) * 1_000) / perSecond,
    async run(work) {
      let isOver = false;
      const end = () => {
        isOver = true;
      };
      work.then(end, end);
      for (await everythingSettled(); !isOver; await everythingSettled()) {
        const next = sleeps.pop();
        if (!next) throw new Error('the model waits for something that no sleep ends');
        nowMs = next.untilMs;
        next.wake();
      }
      return work;
    },
  };
}

/** The event loop runs this when no promise can go on without a sleep. */
const everythingSettled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Sleeps that end in the same instant end in the order in which they began. */
function insert(sleeps: Sleep[], sleep: Sleep): void {
  let low = 0;
  let high = sleeps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sleeps[middle]!.untilMs <= sleep.untilMs) high = middle;
    else low = middle + 1;
  }
  sleeps.splice(low, 0, sleep);
}

/** The generator "mulberry32". */
function newRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
