// The cost in AWS of a million records that are pushed to a function, from list prices, beside that of Lambda's sources for SQS
// and Kinesis. The cost of the handler itself is the same for all, and left out, as is that of writing the records.
// docs/PUSH.md has the table. A test compares the units with those that the engine counts.
import { newCounters, usdOf } from '../../lib/storage/count.ts';
import { price } from './prices.ts';

type Pushed = {
  /** The records of each append, which is one event. */
  readonly batch: number;
  readonly handlerMs: number;
  readonly memoryMiB: number;
};

/** The units of one append that finds its partition at rest: a look of the router, and a run of the dispatcher. */
export const unitsOfAppend = { readUnits: 9, writeUnits: 2, s3Get: 1 };

/** Assumptions: the time of the router, and that of a run besides the handler. Most of it are storage requests. */
const routerMs = 20;
const runMs = 80;
/** A request of SQS moves at most ten messages. Lambda receives and deletes them. */
const sqsRequestUsd = 0.4e-6;
const messagesOfRequest = 10;

const functionUsd = (ms: number, memoryMiB: number): number =>
  (ms / 1_000) * (memoryMiB / 1_024) * price.lambdaGbSecond;

function millionPushed({ batch, handlerMs, memoryMiB }: Pushed) {
  const events = 1e6 / batch;
  const requests = 2 * price.lambdaRequest + usdOf({ ...newCounters(), ...unitsOfAppend });
  const working = functionUsd(routerMs, memoryMiB) + functionUsd(runMs, memoryMiB);
  const waiting = events * functionUsd(handlerMs, memoryMiB);
  return { usd: events * (requests + working) + waiting, waitingUsd: waiting };
}

const millionFromSqs = (batch: number): number => (1e6 / Math.min(batch, messagesOfRequest)) * 2 * sqsRequestUsd;

/** The table as docs/PUSH.md has it. */
export function pushTable(memoryMiB: number): string {
  const rows = [1, 10, 100].flatMap((batch) =>
    [10, 100, 1_000].map((handlerMs) => {
      const { usd, waitingUsd } = millionPushed({ batch, handlerMs, memoryMiB });
      const handler = handlerMs.toLocaleString('en-US');
      return `| ${[batch, `${handler} ms`, dollars(usd), dollars(waitingUsd), dollars(millionFromSqs(batch)), '$0'].join(' | ')} |`;
    }),
  );
  const head = '| records of an event | the handler takes | Rivulet | of it, waiting for the handler | SQS | Kinesis |';
  return [head, '|--:|--:|--:|--:|--:|--:|', ...rows].join('\n');
}

const dollars = (usd: number): string => `$${usd.toFixed(usd < 1 ? 3 : 2)}`;
