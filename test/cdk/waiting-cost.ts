// The cost in AWS of a consumer that waits all month, from list prices. It waits by the server's long polls, or by pauses
// of its own (maxIdlePauseMs). docs/DEPLOY.md has the table. A test compares the read units with those of the receipts.
import { limits } from '../../lib/api/limits.ts';
import { readUnitsOfWait } from '../../lib/runtime/poll-schedule.ts';
import { newCounters, usdOf } from '../../lib/storage/count.ts';
import { price } from './prices.ts';

export type Waiter = {
  /** How long each of its polls waits, in milliseconds. */
  readonly waitMs: number;
  /** The pause between two polls, in milliseconds. */
  readonly pauseMs: number;
  readonly partitions: number;
  readonly memoryMiB: number;
};

export type MonthOfWaiting = {
  readonly requests: number;
  readonly gbSeconds: number;
  readonly readUnits: number;
  readonly usd: number;
};

const MONTH_MS = 30 * 24 * 3_600_000;
/** An assumption: the time of a poll besides its wait. Most of it is the read of the heads. */
const WORK_MS = 15;
/** The log bytes of a request: 350 in the access log, 250 in a line of metrics, and what CloudWatch adds to each. */
const LOG_BYTES = 650;
const requestUsd = price.gatewayRequest + price.lambdaRequest + (LOG_BYTES / 1e9) * price.logGb;
/** Jitter makes pauses a little shorter. */
const MEAN_PAUSE = 0.9;
/** A function reads the topic again when its copy is this old. */
const TOPIC_COPY_MS = 5_000;

export function monthOfWaiting({ waitMs, pauseMs, partitions, memoryMiB }: Waiter): MonthOfWaiting {
  const runMs = waitMs + WORK_MS;
  const periodMs = runMs + pauseMs * MEAN_PAUSE;
  const requests = MONTH_MS / periodMs;
  const gbSeconds = (requests * runMs * memoryMiB) / 1024 / 1_000;
  const readUnits =
    requests * partitions * readUnitsOfWait(waitMs) + Math.min(requests, MONTH_MS / TOPIC_COPY_MS) * topicReads(waitMs);
  const usd = requests * requestUsd + gbSeconds * price.lambdaGbSecond + usdOf({ ...newCounters(), readUnits });
  return { requests, gbSeconds, readUnits, usd };
}

/**
 * The units of one heartbeat of the last member of a large group, which reads the most. Every third heartbeat renews the
 * member and checks whether topics changed.
 */
export const unitsOfHeartbeat = { readUnits: 7 / 6, writeUnits: 1 / 3 };

/** The monthly cost of a member's heartbeats in dollars: the requests, the function, and the units. */
export function monthOfHeartbeats(memoryMiB: number): number {
  const requests = MONTH_MS / limits.defaultHeartbeatIntervalMs;
  const gbSeconds = (WORK_MS * memoryMiB) / 1024 / 1_000;
  return requests * (requestUsd + gbSeconds * price.lambdaGbSecond + usdOf({ ...newCounters(), ...unitsOfHeartbeat }));
}

/** The reads of the topic in one poll. Each costs a unit. */
const topicReads = (waitMs: number): number => Math.max(1, Math.floor(waitMs / TOPIC_COPY_MS));

const millions = (value: number): string => (value / 1e6).toFixed(2);

/** The table as docs/DEPLOY.md has it. */
export function waitingTable(memoryMiB: number): string {
  const rows = [
    { what: 'the default', waitMs: limits.waitMs, pauseMs: 0 },
    ...[1_000, 5_000, 30_000].map((pauseMs) => {
      return { what: `\`maxIdlePauseMs: ${pauseMs.toLocaleString('en-US')}\``, waitMs: 0, pauseMs };
    }),
  ].flatMap(({ what, ...poll }) =>
    [1, 10].map((partitions) => {
      const { requests, gbSeconds, readUnits, usd } = monthOfWaiting({ ...poll, partitions, memoryMiB });
      const figures = [millions(requests), Math.round(gbSeconds).toLocaleString('en-US'), millions(readUnits)];
      return `| ${[what, partitions, ...figures, `$${usd.toFixed(2)}`].join(' | ')} |`;
    }),
  );
  const head = '| a consumer | partitions | million requests | GB-seconds | million read units | a month |';
  return [head, '|---|--:|--:|--:|--:|--:|', ...rows].join('\n');
}
