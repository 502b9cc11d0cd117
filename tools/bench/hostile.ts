// How long hostile inputs hold the event loop of a server: the longest stall of each, and the processor time it takes.
import { type Child, startChild } from './child.ts';
import { type HostileInput, hostileInputs, targetAt } from './hostile-inputs.ts';
import { decimal, printTable } from './table.ts';

export type Cost = {
  readonly stallMs: number;
  /** The processor time of the thread that held the event loop. */
  readonly stallCpuMs: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
};

/**
 * Each figure is the best of several runs, because other work on the machine can only make it worse.
 * @param runs at most so many.
 * @param isEnough stops it before.
 */
export async function costOf(
  server: Child,
  input: HostileInput,
  size: number,
  runs: number,
  isEnough: (cost: Cost) => boolean = () => false,
): Promise<Cost> {
  let best = await costOfOne(server, input, size);
  for (let run = 1; run < runs && !isEnough(best); run++) best = better(best, await costOfOne(server, input, size));
  return best;
}

async function costOfOne(server: Child, input: HostileInput, size: number): Promise<Cost> {
  const before = await server.report();
  await input.send(targetAt(server.url), size);
  const { stalls, cpuMs, rssBytes } = await server.report();
  const { longestMs: stallMs, longestCpuMs: stallCpuMs } = stalls;
  return { stallMs, stallCpuMs, cpuMs: cpuMs - before.cpuMs, rssBytes };
}

const better = (one: Cost, other: Cost): Cost => ({
  stallMs: Math.min(one.stallMs, other.stallMs),
  stallCpuMs: Math.min(one.stallCpuMs, other.stallCpuMs),
  cpuMs: Math.min(one.cpuMs, other.cpuMs),
  rssBytes: other.rssBytes,
});

export async function benchHostile(directory: string, runs: number): Promise<void> {
  const server = await startChild('watched-backend', directory);
  const rows: string[][] = [];
  for (const input of hostileInputs) {
    await input.prepare?.(targetAt(server.url));
    const [quarter, whole] = [await costOf(server, input, 1, runs), await costOf(server, input, 4, runs)];
    rows.push([
      input.name,
      decimal(whole.stallMs, 0),
      decimal(whole.stallCpuMs, 0),
      decimal(quarter.cpuMs, 0),
      decimal(whole.cpuMs, 0),
      decimal(whole.rssBytes / 2 ** 20, 0),
    ]);
  }
  await server.stop();
  printTable(
    `Hostile inputs, the best of ${runs} runs`,
    ['', 'longest stall ms', 'its processor ms', 'processor ms of a quarter of it', 'of it', 'RSS MB'],
    rows,
  );
}
