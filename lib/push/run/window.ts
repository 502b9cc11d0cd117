// The batching window: a batch that is not full may wait for more records, once.

import type { Plan, Run, Step } from './commit.ts';
import { followLater } from './failure.ts';

const longestWaitHereMs = 20_000;
/** So often it looks whether the batch is full by now. */
const looks = 8;

const windowMsOf = ({ subscription }: Run): number => subscription.settings.maximumBatchingWindowSeconds * 1000;

/** A failing batch was delivered before, so it waits for nothing. */
export const isToWait = (run: Run, { note, isFull }: Plan): boolean =>
  windowMsOf(run) > 0 && !note && !isFull && !run.hasWaited;

/** It gets a number, and not the plan: a thousand runs may wait at the same time, and each plan holds up to 6 MB. */
export async function waitForMore(run: Run, highWatermark: number): Promise<Step> {
  const { context, hold, subscription } = run;
  const windowMs = windowMsOf(run);
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
