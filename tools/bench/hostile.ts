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

/** The figures are of the best of so many runs, because other work on the machine can only make them worse. */
export async function costOf(server: Child, input: HostileInput, size: number, runs: number): Promise<Cost> {
  const target = targetAt(server.url);
  const costs: Cost[] = [];
  for (let run = 0; run < runs; run++) {
    const before = await server.report();
    await input.send(target, size);
    const { stalls, cpuMs, rssBytes } = await server.report();
    const { longestMs: stallMs, longestCpuMs: stallCpuMs } = stalls;
    costs.push({ stallMs, stallCpuMs, cpuMs: cpuMs - before.cpuMs, rssBytes });
  }
  const least = (of: (cost: Cost) => number): number => Math.min(...costs.map(of));
  return {
    stallMs: least((cost) => cost.stallMs),
    stallCpuMs: least((cost) => cost.stallCpuMs),
    cpuMs: least((cost) => cost.cpuMs),
    rssBytes: costs.at(-1)!.rssBytes,
  };
}

export async function benchHostile(directory: string, runs: number): Promise<void> {
  const server = await startChild('watched-backend', directory);
  const rows: string[][] = [];
  for (const input of hostileInputs) {
    await input.prepare?.(targetAt(server.url));
    const [half, whole] = [await costOf(server, input, 1, runs), await costOf(server, input, 2, runs)];
    rows.push([
      input.name,
      decimal(whole.stallMs, 0),
      decimal(whole.stallCpuMs, 0),
      decimal(half.cpuMs, 0),
      decimal(whole.cpuMs, 0),
      decimal(whole.rssBytes / 2 ** 20, 0),
    ]);
  }
  await server.stop();
  printTable(
    `Hostile inputs, the best of ${runs} runs`,
    ['', 'longest stall ms', 'its processor ms', 'processor ms of half of it', 'of it', 'RSS MB'],
    rows,
  );
}
