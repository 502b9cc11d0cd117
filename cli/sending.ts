// Sends under way, bounded in number, and the count of what became of their messages.
import { isClientError } from '../lib/client/client-error.ts';
import type { Message } from '../lib/client/message.ts';
import type { Producer } from '../lib/client/producer.ts';
import type { Outcome } from '../lib/errors.ts';

/** Chunks of input, each at most 256 KiB unless it is one long line: enough to keep all requests of a producer busy. */
const maxUnderWay = 32;

export type Sending = {
  /** Resolves when the next may come. Never rejects: see `throwFirst`. */
  send(messages: readonly Message[]): Promise<void>;
  settled(): Promise<void>;
  hasFailed(): boolean;
  acknowledged(): number;
  /** What happened to all of them, in a line. */
  summary(): string;
  /** Throws the error of the first message that failed, if any did. */
  throwFirst(): void;
};

export function createSending(producer: Producer, topic: string): Sending {
  const underWay = new Set<Promise<void>>();
  const counts: Record<Outcome, number> = { written: 0, 'not-written': 0, unknown: 0 };
  const startedMs = performance.now();
  let firstError: unknown;

  function failed(error: unknown, messages: number): void {
    firstError ??= error;
    const results = isClientError(error) ? error.results : undefined;
    if (!results) counts[isClientError(error) ? (error.outcome ?? 'unknown') : 'not-written'] += messages;
    else for (const result of results) counts[isClientError(result) ? (result.outcome ?? 'unknown') : 'written']++;
  }

  async function send(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return;
    const sent: Promise<void> = producer
      .send({ topic, messages })
      .then(
        () => {
          counts.written += messages.length;
        },
        (error) => failed(error, messages.length),
      )
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
    if (underWay.size >= maxUnderWay) await Promise.race(underWay);
  }

  function summary(): string {
    const seconds = (performance.now() - startedMs) / 1000;
    const { written, unknown, 'not-written': notWritten } = counts;
    const parts = [`${written} ${written === 1 ? 'record' : 'records'} acknowledged`];
    if (notWritten > 0) parts.push(`${notWritten} not written`);
    if (unknown > 0) parts.push(`${unknown} that may have been written`);
    return `${parts.join(', ')} in ${seconds.toFixed(2)} s (${Math.round(written / seconds)} records/s)`;
  }

  return {
    send,
    settled: async () => void (await Promise.all(underWay)),
    hasFailed: () => firstError !== undefined,
    acknowledged: () => counts.written,
    summary,
    throwFirst: () => {
      if (firstError !== undefined) throw firstError;
    },
  };
}
