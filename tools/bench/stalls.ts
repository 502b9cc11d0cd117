// How long this process holds its event loop: by the clock, and by the processor time of its thread, which does not count
// what the rest of a busy machine takes in between.
import { monitorEventLoopDelay } from 'node:perf_hooks';

export type Stalls = { readonly longestMs: number; readonly longestCpuMs: number };

const everyMs = 1;

/** Returns what tells the longest since it was last asked. */
export function watchStalls(): () => Stalls {
  const delay = monitorEventLoopDelay({ resolution: everyMs });
  delay.enable();
  let longestCpuMs = 0;
  let lastMs = threadCpuMs();
  setInterval(() => {
    const nowMs = threadCpuMs();
    longestCpuMs = Math.max(longestCpuMs, nowMs - lastMs);
    lastMs = nowMs;
  }, everyMs).unref();
  return () => {
    const stalls = { longestMs: delay.max / 1e6, longestCpuMs };
    delay.reset();
    longestCpuMs = 0;
    return stalls;
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
