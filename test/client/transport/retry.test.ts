import { expect, test } from 'vitest';
import { RivuletClientError } from '../../../client/client-error.ts';
import { backoffMs, pause, retrying, retryPolicy } from '../../../client/transport/retry.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';

const policy = retryPolicy({ retries: 3, baseMs: 1, capMs: 2 });
const failure = (outcome: 'unknown' | 'not-written', retriable = true) =>
  new RivuletClientError('THROTTLED', '', { outcome, retriable });

test('a retriable error is retried as often as the options allow, and no more', async () => {
  let tries = 0;
  const always = retrying(systemClock, policy, async () => {
    tries++;
    throw failure('not-written');
  });
  await expect(always).rejects.toMatchObject({ errorCode: 'THROTTLED' });
  expect(tries).toBe(4);
});

test('an operation is tried once when its error is not retriable, or not an error of the SDK', async () => {
  for (const error of [failure('unknown', false), new TypeError('bug')]) {
    let tries = 0;
    const once = retrying(systemClock, policy, async () => {
      tries++;
      throw error;
    });
    await expect(once).rejects.toBe(error);
    expect(tries).toBe(1);
  }
});

test('an unanswered try is remembered behind later refusals', async () => {
  const seen: (string | undefined)[] = [];
  const errors = [failure('unknown'), failure('not-written')];
  await retrying(systemClock, policy, async (before) => {
    seen.push(before?.outcome);
    const error = errors.shift();
    if (error) throw error;
  });
  expect(seen).toEqual([undefined, 'unknown', 'unknown']);
});

test('waits double up to their bound, with full jitter', () => {
  const most = { ...systemClock, random: () => 0.999 };
  const waits = [1, 2, 3, 4, 20].map((failures) => Math.ceil(backoffMs(most, retryPolicy({ capMs: 500 }), failures)));
  expect(waits).toEqual([100, 200, 400, 500, 500]);
  expect(backoffMs({ ...systemClock, random: () => 0 }, retryPolicy(), 5)).toBe(0);
});

test('the wait that the server asked for comes on top of the jitter, and is at most a minute', () => {
  const half = { ...systemClock, random: () => 0.5 };
  const asked = (retryAfterMs: number) => backoffMs(half, retryPolicy(), 1, failure('unknown').with({ retryAfterMs }));
  expect([asked(0), asked(2_000), asked(86_400_000)]).toEqual([50, 2_050, 60_050]);
});

test('an abort ends a pause early, without an error', async () => {
  const startedMs = performance.now();
  await pause(10_000, AbortSignal.timeout(10));
  await pause(10_000, AbortSignal.abort());
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});
