// The batching window: a batch that is not full may wait for more records, once.

import type { Plan, Run, Step } from './commit.ts';
import { followLater } from './failure.ts';

const longestWaitHereMs = 20_000;
/** So often it looks whether the batch is full by now. */
const looks = 8;

/** Undefined if the batch is to be delivered now. A failing batch was delivered before, so it waits for nothing. */
export async function waitForMore(run: Run, { note, isFull, highWatermark }: Plan): Promise<Step | undefined> {
  const { context, hold, subscription } = run;
  const windowMs = subscription.settings.maximumBatchingWindowSeconds * 1000;
  if (windowMs === 0 || note || isFull || run.hasWaited) return undefined;
  run.hasWaited = true;
  if (windowMs > longestWaitHereMs) {
    const whenMs = context.clock.now() + windowMs;
    await followLater(run, whenMs);
    await hold.write({ leaseUntilMs: whenMs, note: { windowUntilMs: whenMs } });
    return 'ended';
  }
  const { topicId, partition } = hold.invocation;
  const enough = hold.offset + subscription.settings.batchSize;
  for (let look = 0, next = highWatermark; look < looks && next < enough; look++) {
    await context.clock.sleep(windowMs / looks);
    next = (await context.log.heads.read({ topicId, partition }))?.next ?? 0;
  }
  return 'go on';
}
