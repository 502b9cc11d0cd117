// Prints what a consumer reads, until enough was printed, the end of the ranges is reached, nothing comes any more, or a signal
// ends it. The last line is that of kafka-console-consumer.sh.
//
// Invariant: a group commits only what was printed or filtered out.
import type { Consumer } from '../client/consumer/consumer.ts';
import type { ConsumedMessage } from '../client/message.ts';
import { isReaderGone, outliveReader, writeOut } from './output.ts';
import { startProgress } from './progress.ts';
import { onStopSignal } from './stop-signals.ts';

export type Printing = {
  readonly format: (message: ConsumedMessage) => Buffer;
  readonly filter: (message: ConsumedMessage) => boolean;
  readonly maxMessages: number;
  /** Stops after this many milliseconds without a message. */
  readonly timeoutMs: number | undefined;
  /** Answers whether a message lies in its range, and whether all ranges are read. */
  readonly ends: RangeEnds;
};

export type RangeEnds = {
  holds(message: ConsumedMessage): boolean;
  areReached(consumer: Consumer): boolean;
};

/** How often the positions are compared with the ends. The last records of a range may be missing, and then no message comes. */
const endCheckMs = 100;

export async function printMessages(consumer: Consumer, printing: Printing): Promise<void> {
  const { maxMessages, timeoutMs, ends } = printing;
  const counts = { scanned: 0, printed: 0 };
  const stop = (): void => void consumer.stop();
  const timer = timeoutMs === undefined ? undefined : setTimeout(stop, timeoutMs);
  const stopAtEnds = (): void => void (ends.areReached(consumer) && stop());
  const endTimer = setInterval(stopAtEnds, endCheckMs);
  onStopSignal((exitCode) => {
    process.exitCode = exitCode;
    stop();
  });
  // When the reader has gone, the next write fails too, and then the member of a group commits and leaves.
  outliveReader();
  // The line would disturb the records if both went to one terminal.
  const stopProgress = process.stdout.isTTY ? () => undefined : startProgress(() => progressOf(counts));
  try {
    await consumer.run({
      eachBatch: async ({ topic, partition, messages }) => {
        const read = await printBatch(messages, printing, counts);
        if (read < messages.length) consumer.seek({ topic, partition, offset: messages[read]!.offset });
        if (counts.printed >= maxMessages) stop();
        timer?.refresh();
      },
    });
  } catch (error) {
    // The reader of our output has closed the pipe (`| head`). That is no failure, and it needs no count.
    if (isReaderGone(error)) return;
    countOf(counts.printed);
    throw error;
  } finally {
    clearTimeout(timer);
    clearInterval(endTimer);
    stopProgress();
  }
  countOf(counts.printed);
}

type Counts = { scanned: number; printed: number };

/** @returns how many messages were read before the most to be printed were found. */
async function printBatch(
  messages: readonly ConsumedMessage[],
  { format, filter, maxMessages, ends }: Printing,
  counts: Counts,
): Promise<number> {
  const lines: Buffer[] = [];
  let read = 0;
  for (const message of messages) {
    if (counts.printed + lines.length >= maxMessages) break;
    read++;
    if (ends.holds(message) && filter(message)) lines.push(format(message));
  }
  await writeOut(Buffer.concat(lines));
  counts.scanned += read;
  counts.printed += lines.length;
  return read;
}

const progressOf = ({ scanned, printed }: Counts): string =>
  scanned === printed ? `${printed} records printed` : `${scanned} records read, ${printed} printed`;

const countOf = (processed: number): void => console.error(`Processed a total of ${processed} messages`);
