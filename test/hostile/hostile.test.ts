// The cost of hostile input grows at most in proportion to its size, and hostile input delays no other client. Each
// input goes to the real server, in a process of its own, in one size and in twice that size. This is the one timed
// test. It measures the processor time of that process and takes the best of several runs, so that a busy machine does
// not fail it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Child, startChild } from '../../tools/bench/child.ts';
import { costOf } from '../../tools/bench/hostile.ts';
import { hostileInputs, targetAt } from '../../tools/bench/hostile-inputs.ts';

const runs = 2;
/** An input with quadratic cost takes four times as long. */
const mostGrowth = 3.2;
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

// The machine's other work can only make a figure worse, so an input is measured again before it fails.
test.each(hostileInputs)('$name', { retry: 3 }, async (input) => {
  await input.prepare?.(targetAt(server.url));
  const half = await costOf(server, input, 1, runs);
  const whole = await costOf(server, input, 2, runs);
  expect(whole.cpuMs).toBeLessThan(Math.max(floorMs, mostGrowth * half.cpuMs));
  expect(whole.stallCpuMs).toBeLessThan(longestStallMs);
});
