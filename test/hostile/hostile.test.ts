// The cost of hostile input grows at most in proportion to its size, and hostile input delays no other client. Each
// input goes to the real server, in a process of its own, whole and as a quarter. This is the one timed test. It measures
// the processor time of that process, and a busy machine can only make that longer: so a quarter counts with the best of
// some runs, and the whole is run again until it is cheap enough. A quadratic cost never is, however often it is run.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Child, startChild } from '../../tools/bench/child.ts';
import { type Cost, costOf } from '../../tools/bench/hostile.ts';
import { hostileInputs, targetAt } from '../../tools/bench/hostile-inputs.ts';

const runsOfQuarter = 2;
const mostRunsOfWhole = 5;
/** Between a linear cost, which is four times that of a quarter, and a quadratic one, which is 16 times it. */
const mostGrowth = 8;
/** Below this time the ratio says more about the garbage collector than about our code. */
const floorMs = 60;
const longestStallMs = 500;

let directory: string;
let server: Child;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rivulet-hostile-'));
  server = await startChild('watched-backend', directory);
});

afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

test.each(hostileInputs)('$name', { timeout: 120_000 }, async (input) => {
  await input.prepare?.(targetAt(server.url));
  const quarter = await costOf(server, input, 1, runsOfQuarter);
  const mostCpuMs = Math.max(floorMs, mostGrowth * quarter.cpuMs);
  const isCheap = ({ cpuMs, stallCpuMs }: Cost) => cpuMs < mostCpuMs && stallCpuMs < longestStallMs;
  const whole = await costOf(server, input, 4, mostRunsOfWhole, isCheap);
  expect(whole.cpuMs).toBeLessThan(mostCpuMs);
  expect(whole.stallCpuMs).toBeLessThan(longestStallMs);
});
