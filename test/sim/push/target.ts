// The function that records are pushed to. It lives outside the processes, and does its work whether or not the process that
// called it is still there.
import type { Delivery, PushBatch, PushInvocation, PushTargets } from '../../../lib/api/push.ts';
import { isRunOf } from '../../../lib/group/items/ownership.ts';
import { readBatchHeader } from '../../../lib/record/batch-header.ts';
import type { Clock } from '../../../lib/runtime/clock.ts';
import type { Random } from '../core/random.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { beginDelivery } from './concurrency.ts';
import { type History, type Life, placeOf, poison } from './history.ts';

export type TargetOptions = {
  /** The share of deliveries that go wrong although their records are good. */
  readonly failures: number;
  /** The time that the function takes, at most. Some deliveries take longer than a lease. */
  readonly mostMs: number;
  readonly slow: number;
  readonly maximumConcurrency?: number;
  readonly mostSkewMs: number;
};

export type TargetWorld = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly history: History;
  readonly options: TargetOptions;
  readonly trace: (line: string) => void;
  /** When it is set, the function fails for poison only. */
  readonly isCalm: () => boolean;
  runs: number;
};

/** `done` is the work of the function. It may answer nothing although it has done its work. */
type Outcome = { readonly done: PushBatch['records']; readonly delivery: Delivery };

const slowMs = 100_000;
/** The name of a life is the last part of its target's address. */
export const urlOf = (life: Life): string => `https://target/${life}`;
const lifeOf = (url: string): Life => url.slice(url.lastIndexOf('/') + 1);
export const queueOf = (life: Life): string => `arn:aws:sqs:eu-central-1:111122223333:${life}`;
const lifeOfQueue = (queue: string): Life => queue.slice(queue.lastIndexOf(':') + 1);

/** @param invocation Of the run that opens a target. */
export function targetsOf(world: TargetWorld, clock: Clock, invocation?: PushInvocation): PushTargets {
  return {
    check: async () => {},
    bytesOf: ({ value }) => 100 + (value?.length ?? 0),
    filter: () => () => true,
    async sendToQueue(queue, letters) {
      await clock.sleep(5);
      for (const { partition, offset, raw } of letters)
        for (const each of offsetsOf(offset, raw))
          world.history.lettered.add(placeOf(lifeOfQueue(queue), partition, each));
      world.trace(`letters ${letters.map(({ partition, offset }) => `${partition}/${offset}`)}`);
      await clock.sleep(5);
    },
    open({ target }) {
      const life = lifeOf((target as { readonly url: string }).url);
      const run = world.runs++;
      const owner = invocation && world.history.terms.get(invocation.partition)?.owner;
      const term = invocation && isRunOf(owner, invocation.id) ? owner : undefined;
      return { deliver: (batch) => deliver(world, clock, { life, run, term }, batch) };
    },
  };
}

/** A letter with bytes stands for all records of its batch. */
export function offsetsOf(offset: number, raw: Uint8Array | undefined): number[] {
  if (!raw) return [offset];
  const { baseOffset, lastOffsetDelta } = readBatchHeader(raw, 0);
  return Array.from({ length: lastOffsetDelta + 1 }, (_, i) => baseOffset + i);
}

async function deliver(
  { scheduler, random, history, options, trace, isCalm }: TargetWorld,
  clock: Clock,
  { life, run, term }: { readonly life: Life; readonly run: number; readonly term: string | undefined },
  batch: PushBatch,
): Promise<Delivery> {
  const { partition, records } = batch;
  const offsets = records.map(({ offset }) => offset);
  history.deliveries.push({ life, run, partition, offsets, begunMs: scheduler.now() });
  const underWay = { partition, owner: term };
  beginDelivery(history, options, underWay, scheduler.now());
  const outcome = outcomeOf(random, isCalm() ? 0 : options.failures, batch);
  const workMs = 1 + (random.chance(isCalm() ? 0 : options.slow) ? slowMs : random.below(options.mostMs));
  scheduler.after(workMs, () => {
    trace(`target ${life}: ${partition}/${offsets} ${outcome.delivery.kind}, done ${outcome.done.length}`);
    for (const { offset } of outcome.done) history.handled.add(placeOf(life, partition, offset));
  });
  await clock.sleep(workMs + 1);
  history.underWay.delete(underWay);
  return outcome.delivery;
}

function outcomeOf(random: Random, failures: number, { records }: PushBatch): Outcome {
  const bad = records.findIndex(({ value }) => value && Buffer.from(value).toString() === poison);
  if (bad >= 0) return random.chance(0.5) ? failed(records.slice(0, bad)) : partial(records, bad);
  if (!random.chance(failures)) return { done: records, delivery: success };
  const what = random.below(5);
  if (what === 0)
    return { done: [], delivery: { kind: 'throttled', ...(random.chance(0.5) && { retryAfterMs: 30_000 }) } };
  if (what === 1) return partial(records, random.below(records.length));
  // It timed out, and had done its work.
  return failed(what === 2 ? records : []);
}

const success: Delivery = { kind: 'answered', answer: { kind: 'success' } };
const failed = (done: Outcome['done']): Outcome => ({ done, delivery: { kind: 'failed', error: 'it threw' } });
const partial = (records: Outcome['done'], bad: number): Outcome => ({
  done: records.slice(0, bad),
  delivery: { kind: 'answered', answer: { kind: 'partial', failedOffset: records[bad]!.offset, error: 'one failed' } },
});
