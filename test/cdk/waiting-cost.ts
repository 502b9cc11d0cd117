// What a consumer that waits all month costs in AWS, from list prices: by the server's long polls, or by its own pauses
// (maxIdlePauseMs). docs/DEPLOY.md has the table; the read units are those that the receipts count.
import { limits } from '../../lib/api/limits.ts';
import { readUnitsOfWait } from '../../lib/runtime/poll-schedule.ts';
import { newCounters, usdOf } from '../../lib/storage/count.ts';
import { price } from './prices.ts';

export type Waiter = {
  /** Of its polls, milliseconds. */
  readonly waitMs: number;
  /** Between two of them. */
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
/** Assumed: what a poll takes beside its wait, most of it the read of the heads. */
const WORK_MS = 15;
/** Of a request: 350 in the access log, a line of metrics of 250, and what CloudWatch adds to each. */
const LOG_BYTES = 650;
const requestUsd = price.gatewayRequest + price.lambdaRequest + (LOG_BYTES / 1e9) * price.logGb;
/** Pauses are a little shorter by chance. */
const MEAN_PAUSE = 0.9;
/** The topic itself is read again when the copy of a function is so old. */
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

/** Of the last member of a large group, which reads the most: every third one renews it, and looks whether topics changed. */
export const unitsOfHeartbeat = { readUnits: 7 / 6, writeUnits: 1 / 3 };

/** The heartbeats of a group's member in dollars: requests, the function, and units. */
export function monthOfHeartbeats(memoryMiB: number): number {
  const requests = MONTH_MS / limits.defaultHeartbeatIntervalMs;
  const gbSeconds = (WORK_MS * memoryMiB) / 1024 / 1_000;
  return requests * (requestUsd + gbSeconds * price.lambdaGbSecond + usdOf({ ...newCounters(), ...unitsOfHeartbeat }));
}

/** In one poll, each a unit. */
const topicReads = (waitMs: number): number => Math.max(1, Math.floor(waitMs / TOPIC_COPY_MS));

const millions = (value: number): string => (value / 1e6).toFixed(2);

/** As it stands in docs/DEPLOY.md. */
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
