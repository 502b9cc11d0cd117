// What runs in a child process. It answers every message with a report, and ends when its parent lets go of it.

import { serveBackend } from './backend.ts';
import { serveFloor } from './floor.ts';
import { readBack, writeAll } from './memory-client.ts';
import { type Stalls, watchStalls } from './stalls.ts';
import { cpuMs } from './statistics.ts';
import type { Traffic } from './traffic.ts';

export type Report = {
  /** Bodies that went through, in either direction. */
  readonly transfers: number;
  readonly bytes: number;
  readonly rssBytes: number;
  /** Of all threads, in user and system mode, since the start. */
  readonly cpuMs: number;
  /** Since the last report; of a server that is watched. */
  readonly stalls: Stalls;
  /** What ended the work of a client too early. */
  readonly failure?: string;
};

const roles: Readonly<Record<string, (traffic: Traffic, args: string[]) => Promise<string>>> = {
  backend: serveBackend,
  'watched-backend': serveBackend,
  floor: serveFloor,
  writer: writeAll,
  reader: readBack,
};

const [role = '', ...args] = process.argv.slice(2);
const traffic: Traffic = { transfers: 0, bytes: 0 };
const url = await roles[role]!(traffic, args);
// Not of the others: to watch costs a little every millisecond.
const stalls = role === 'watched-backend' ? watchStalls() : () => ({ longestMs: 0, longestCpuMs: 0 });
const report = (): Report => ({
  ...traffic,
  rssBytes: process.memoryUsage.rss(),
  cpuMs: cpuMs(),
  stalls: stalls(),
});
process.on('message', () => process.send!(report()));
process.on('disconnect', () => process.exit());
process.send!(url);
