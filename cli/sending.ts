// This file bounds the number of sends under way and keeps what became of their messages: how many were acknowledged, and
// which line is the first that was not.
import { isClientError, RivuletClientError } from '../client/client-error.ts';
import type { Message } from '../client/message.ts';
import type { Outcome } from '../lib/api/errors.ts';
import type { ProduceTarget } from './produce-target.ts';

/** The most chunks of input under way, enough to keep a producer busy. A chunk has at most 256 KiB, or is one long line. */
const maxUnderWay = 32;

/** A message and the line of the input that it came from. */
export type NumberedMessage = { readonly line: number; readonly message: Message };

export type Sending = {
  /** Resolves when the next send may start. Never rejects: see `throwFirst`. */
  send(numbered: readonly NumberedMessage[]): Promise<void>;
  settled(): Promise<void>;
  hasFailed(): boolean;
  acknowledged(): number;
  /** One line that says what happened to all messages. */
  summary(): string;
  /** Throws the error of the first send that failed, if any did, with the first line that is not acknowledged. */
  throwFirst(): void;
};

export function createSending({ sender, done }: Pick<ProduceTarget, 'sender' | 'done'>, topic: string): Sending {
  const underWay = new Set<Promise<void>>();
  const counts: Record<Outcome, number> = { written: 0, 'not-written': 0, unknown: 0 };
  const startedMs = performance.now();
  let sent = 0;
  let firstError: unknown;
  let firstFailedLine = Number.POSITIVE_INFINITY;

  function failed(error: unknown, numbered: readonly NumberedMessage[]): void {
    numbered.forEach(({ line }, at) => {
      const failure = failureOf(error, at);
      counts[outcomeOf(failure)]++;
      if (!failure || line > firstFailedLine) return;
      firstFailedLine = line;
      firstError = failure;
    });
  }

  async function send(numbered: readonly NumberedMessage[]): Promise<void> {
    if (numbered.length === 0) return;
    const messages = numbered.map(({ message }) => message);
    sent += messages.length;
    const sending: Promise<void> = sender
      .send({ topic, messages })
      .then(
        () => {
          counts.written += messages.length;
        },
        (error) => failed(error, numbered),
      )
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
    if (underWay.size >= maxUnderWay) await Promise.race(underWay);
  }

  function summary(): string {
    const seconds = (performance.now() - startedMs) / 1000;
    const { written, unknown, 'not-written': notWritten } = counts;
    const stillUnderWay = sent - written - unknown - notWritten;
    const parts = [`${written} ${written === 1 ? 'record' : 'records'} ${done}`];
    if (notWritten > 0) parts.push(`${notWritten} not written`);
    if (unknown + stillUnderWay > 0) parts.push(`${unknown + stillUnderWay} that may have been written`);
    return `${parts.join(', ')} in ${seconds.toFixed(2)} s (${Math.round(written / seconds)} records/s)`;
  }

  return {
    send,
    settled: async () => void (await Promise.all(underWay)),
    hasFailed: () => firstError !== undefined,
    acknowledged: () => counts.written,
    summary,
    throwFirst: () => {
      if (firstError === undefined) return;
      if (!isClientError(firstError)) throw firstError;
      const detail = `${firstError.detail}; line ${firstFailedLine} is the first that is not ${done}`;
      throw new RivuletClientError(firstError.errorCode, detail, firstError);
    },
  };
}

/** The reason why one message of a failed send was not written, or undefined if it was written. */
function failureOf(error: unknown, at: number): unknown {
  const result = isClientError(error) && error.results ? error.results[at] : error;
  return isClientError(error) && !isClientError(result) ? undefined : result;
}

function outcomeOf(failure: unknown): Outcome {
  if (failure === undefined) return 'written';
  return isClientError(failure) ? (failure.outcome ?? 'unknown') : 'not-written';
}
