// The signals that ask a process to end. Every command that has something to finish listens to them here: the first signal
// ends it in order, a later one ends it immediately.
//
// Trap: one Ctrl-C may arrive twice. The terminal sends it to the whole process group, and npm and our launcher, which are in
// that group too, pass it on. So a signal that follows the first one closely is the same wish.
import { setTimeout as sleep } from 'node:timers/promises';

export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The exit codes that shells report for a process that a signal has ended. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** A signal takes less time through npm and the launcher, and a person takes longer to press Ctrl-C a second time. */
const sameWishMs = 500;

/** The kernel signals a process group at once. This is ample for us to see it, also on a busy machine. */
const groupSignalMs = 100;

/**
 * Trap: Ctrl-C ends also the program that writes our input, and the end of the input may reach us before the signal does. A
 * command that acts on the end of its input waits for this first.
 */
export const signalOfGroup = (): Promise<void> => sleep(groupSignalMs);

/**
 * @param stop receives the exit code of the signal. A command that ends in order may choose 0 instead.
 * @param force ends the process without waiting.
 * @returns a function that stops listening.
 */
export function onStopSignal(
  stop: (exitCode: number) => void,
  force: (exitCode: number) => void = process.exit,
): () => void {
  let firstMs: number | undefined;
  const listen = (signal: (typeof stopSignals)[number]): void => {
    const nowMs = performance.now();
    if (firstMs === undefined) stop(exitCodes[signal]);
    else if (nowMs - firstMs >= sameWishMs) force(exitCodes[signal]);
    firstMs ??= nowMs;
  };
  for (const signal of stopSignals) process.on(signal, listen);
  return () => {
    for (const signal of stopSignals) process.off(signal, listen);
  };
}
