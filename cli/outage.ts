// This file prints one line on standard error when the service has not answered for a while, and one when it answers again.
import type { RivuletClientError } from '../client/client-error.ts';
import type { RetryHooks } from '../client/transport/outage.ts';
import { printNote } from './progress.ts';

/** A shorter outage, a restart for instance, is not reported. */
const patienceMs = 3_000;

/** @param bound how long the command tries, as a part of the printed sentence. */
export function reportOutages(url: string, bound = ''): RetryHooks {
  let lastError: RivuletClientError;
  let timer: NodeJS.Timeout | undefined;
  let reported = false;
  const report = (): void => {
    reported = true;
    printNote(`${whatIsWrong(url, lastError)}; still trying${bound}`);
  };
  return {
    onRetry: ({ error }) => {
      lastError = error;
      // The timer must not keep the process alive when all is done.
      timer ??= setTimeout(report, patienceMs).unref();
    },
    onRecovery: ({ sinceMs }) => {
      clearTimeout(timer);
      timer = undefined;
      if (reported) printNote(`${url} answers again, after ${Math.round(sinceMs / 1000)} s`);
      reported = false;
    },
  };
}

function whatIsWrong(url: string, { status, detail, cause }: RivuletClientError): string {
  if (status !== undefined) return `${url} answers: ${detail}`;
  const { syscall, code } = (cause ?? {}) as { syscall?: string; code?: string };
  const reason = [syscall, code].filter((word) => word !== undefined).join(' ');
  return `no answer from ${url}: ${reason || detail}`;
}
