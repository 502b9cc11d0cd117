// `rivulet serve` prints a line for each of its own failures, with the request and the reason. The client may not have seen
// the reason. If the same kind of failure comes again within a minute, it is counted and not repeated.

import { MalformedFrameError } from '../kafka/codec/malformed-frame.ts';
import { RivuletError } from '../lib/api/errors.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import { StorageError } from '../lib/storage/storage-error.ts';

type Failure = {
  readonly requestId: string;
  readonly method?: string;
  readonly path?: string;
  readonly status?: number;
  readonly errorCode?: string;
  readonly error: unknown;
};

export type ServiceLog = {
  request(failure: Failure): void;
  /** A failure of background work, which belongs to no request. */
  background(error: unknown): void;
  /** The reason why the Kafka listener has closed a connection: its client cannot learn it. */
  connection(error: unknown): void;
};

type Seen = { readonly sinceMs: number; more: number };

const quietMs = 60_000;
const mostKinds = 1_000;

export function createServiceLog(clock: Pick<Clock, 'monotonic'>, print: (line: string) => void): ServiceLog {
  const seen = new Map<string, Seen>();

  function report(what: string, error: unknown): void {
    const chain = chainOf(error);
    const kind = kindOf(chain);
    const before = seen.get(kind);
    if (before && clock.monotonic() - before.sinceMs < quietMs) {
      before.more++;
      return;
    }
    if (seen.size >= mostKinds) seen.clear();
    seen.set(kind, { sinceMs: clock.monotonic(), more: 0 });
    const more = before?.more ? ` (and ${before.more} more times since the last report)` : '';
    print(`rivulet: ${what}: ${reasonOf(chain)}${more}`);
  }

  return {
    request({ requestId, method, path, status = 500, errorCode, error }) {
      const what = [method, path, 'answered', status, errorCode].filter((part) => part !== undefined).join(' ');
      report(`${what}, request ${requestId}`, error);
    },
    background: (error) => report('background work failed and will be tried again within the hour', error),
    connection: (error) => report('a Kafka connection was closed', error),
  };
}

const expected = [RivuletError, StorageError, MalformedFrameError];

/** The messages from the error down to its first cause, each once. An unexpected error also shows where it was thrown. */
function reasonOf(chain: readonly Error[]): string {
  const isExpected = chain.every((one) => expected.some((type) => one instanceof type) || 'code' in one);
  const messages = chain.map(({ message }) => message.replace(/\s*\n\s*/g, ' '));
  const said = messages.filter((message, i) => !messages.slice(0, i).some((before) => before.includes(message)));
  return said.join(': ') + (isExpected ? '' : `\n${chain.at(-1)!.stack}`);
}

/** The kind of a failure: the code of its first cause, if it has one, because the message may name another file. */
function kindOf(chain: readonly Error[]): string {
  const { errcode, code, message } = chain.at(-1) as Error & { errcode?: number; code?: string };
  return String(errcode ?? code ?? message);
}

function chainOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [new Error(String(error))];
  return error.cause === undefined ? [error] : [error, ...chainOf(error.cause)];
}
