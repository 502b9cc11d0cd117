// These carry events: the table's stream to the router, and Lambda's queue of asynchronous invocations to the dispatcher. Events
// come late, twice or, in some worlds, never. Lambda keeps an invocation until the run returns.
import type { Invoke, PushInvocation } from '../../../lib/api/push.ts';
import { parseHead } from '../../../lib/partition/head.ts';
import type { Appended } from '../../../lib/push/route.ts';
import type { Clock } from '../../../lib/runtime/clock.ts';
import { StorageError } from '../../../lib/storage/storage-error.ts';
import type { Item, Table } from '../../../lib/storage/table.ts';
import type { Random } from '../core/random.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { afterWrites } from '../core/through.ts';

export type TransportOptions = {
  /** The share of events that come twice, much too late, or not at all. */
  readonly doubled: number;
  readonly late: number;
  readonly lost: number;
  /** The share of calls of the dispatcher that fail, although some of them were heard. */
  readonly refused: number;
  /** How often an event that failed is brought again. */
  readonly repeats: number;
};

/** Brings one event. False if it has to be brought again. */
export type Bring<E> = (event: E) => Promise<boolean>;

type Road = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly options: TransportOptions;
  readonly isCalm: () => boolean;
};

const lateMs = 3 * 3_600_000;
const longestRepeatMs = 600_000;

/** Sends an event on its way. */
export function send<E>({ scheduler, random, options, isCalm }: Road, event: E, bring: Bring<E>, whenMs = 0): void {
  const { doubled, late, lost, repeats } = options;
  const share = (probability: number) => !isCalm() && random.chance(probability);
  const attempt = async (tries: number): Promise<void> => {
    if (!(await bring(event)) && tries < repeats)
      scheduler.after(Math.min(longestRepeatMs, 60_000 * (tries + 1)), () => void attempt(tries + 1));
  };
  const start = (delayMs: number) => scheduler.after(delayMs, () => void attempt(0));
  if (share(lost)) return;
  const delayMs = Math.max(0, whenMs - scheduler.now()) + 5 + random.below(300);
  start(share(late) ? delayMs + random.below(lateMs) : delayMs);
  if (share(doubled)) start(delayMs + random.below(random.chance(0.5) ? 2_000 : lateMs));
}

/** The call with which a process asks for a run. It may be heard although its caller gets an error, or dies. */
export function invokeOf(
  road: Road,
  clock: Clock,
  take: (invocation: PushInvocation, whenMs?: number) => void,
): Invoke {
  const { random, options, isCalm } = road;
  const fails = () => !isCalm() && random.chance(options.refused);
  return async (invocation, whenMs) => {
    await clock.sleep(2 + random.below(10));
    if (fails()) throw new StorageError('unavailable', 'the invocation was refused');
    take(invocation, whenMs);
    await clock.sleep(2 + random.below(10));
    if (fails()) throw new StorageError('no-answer', 'the reply was lost');
  };
}

/** The stream of the table has the heads with the flag. */
export function withStream(table: Table, appended: (event: Appended) => void): Table {
  const see = (item: Item | undefined) => {
    if (item?.f === undefined || item.sk !== 'h') return;
    const [topicId = '', partition = ''] = item.pk.split('/');
    appended({ topicId, partition: Number(partition), next: parseHead(item).next });
  };
  return afterWrites(table, async (key) => {
    if (key.sk === 'h') see(await table.get(key, { strong: true }));
  });
}
