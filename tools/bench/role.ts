// The program of a child process. It answers every message with a report, and ends when its parent disconnects.

import { serveBackend, serveBackendAlone } from './backend.ts';
import { serveFloor } from './floor.ts';
import { readBack, writeAll } from './memory-client.ts';
import { type Stalls, watchStalls } from './stalls.ts';
import { cpuMs } from './statistics.ts';
import type { Traffic } from './traffic.ts';

export type Report = {
  /** The bodies that went through, in either direction. */
  readonly transfers: number;
  readonly bytes: number;
  /** The PUTs that an embedded backend has made. */
  readonly puts: number;
  readonly rssBytes: number;
  /** The processor time of all threads since the start, in user and system mode. */
  readonly cpuMs: number;
  /** The stalls since the last report, of a server that is watched. */
  readonly stalls: Stalls;
  /** The error that ended the work of a client too early. */
  readonly failure?: string;
};

const roles: Readonly<Record<string, (traffic: Traffic, args: string[]) => Promise<string>>> = {
  backend: serveBackend,
  'backend-alone': serveBackendAlone,
  'watched-backend': serveBackend,
  floor: serveFloor,
  writer: writeAll,
  reader: readBack,
};

const [role = '', ...args] = process.argv.slice(2);
const traffic: Traffic = { transfers: 0, bytes: 0, puts: 0 };
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
