// The embedded backend: the engine and its HTTP API over one data directory of this machine. This is a composition root.
// Only here the two ports become files and SQLite, with the decorators that count what they would cost in AWS.
//
//   README.txt      the marker; its first line is `rivulet data, format N`
//   objects/        the segments, one file each
//   table.sqlite    the heads, topics and producers, with its log and its mark beside it. Locked while the backend is open
//
// Invariant: nothing is written into a directory that is not ours, has a newer format, or is in use by another process.
// Other users of the machine cannot read it.
import { chmodSync, readdirSync, readFileSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ApiOptions, createApi } from '../http/api.ts';
import type { HttpApi } from '../http/http-event.ts';
import type { Engine } from '../lib/api/engine.ts';
import { limits } from '../lib/api/limits.ts';
import type { Maintenance, MaintenanceCounts } from '../lib/api/maintenance.ts';
import type { PushPorts, PushTargets } from '../lib/api/push.ts';
import { createEngine } from '../lib/engine.ts';
import { createAppendNotifications } from '../lib/log/append-notifications.ts';
import { type AuditReport, audit } from '../lib/maintenance/audit.ts';
import { createTargets } from '../lib/push/delivery/targets.ts';
import { type Clock, systemClock } from '../lib/runtime/clock.ts';
import { clusterIdOf } from '../lib/storage/cluster-id.ts';
import { type Counters, countingObjectStore, countingTable, newCounters } from '../lib/storage/count.ts';
import { createFileObjectStore } from '../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../lib/storage/embedded/sqlite-table.ts';
import { makeFolder } from '../lib/storage/embedded/sync-folder.ts';
import packageJson from '../package.json' with { type: 'json' };
import { startHourlyCare } from './hourly-care.ts';
import { createLogMaintenance } from './maintenance.ts';
import { createLocalPush } from './push.ts';
import { withFewWaiting } from './waiting-fetches.ts';

const FORMAT = 1;
const MARKER = 'README.txt';
const TABLE = 'table.sqlite';

const markerText = `rivulet data, format ${FORMAT}

This folder holds the topics of a Rivulet service that runs on this machine:
  objects/        the records, in segment files that are never changed
  table.sqlite    which records are where: offsets, topics, producers (and, beside it, its log and its mark)
Serve it with: rivulet serve --data <this folder>
Copy or move it as a whole, and only while nothing serves it. Change nothing in it by hand.
`;

export type Backend = {
  readonly api: HttpApi;
  /** The engine behind the API, for another protocol beside HTTP. */
  readonly engine: Engine;
  /** The id that Kafka's clients see. It stays with the data. */
  clusterId(): Promise<string>;
  /** The absolute path of the data directory. */
  readonly directory: string;
  readonly version: string;
  /** The storage requests since the backend was opened, as AWS would count them. */
  readonly totals: Counters;
  /** The items that were found damaged at the start. A request that needs one is answered with CORRUPT_LOG, unless it was removed. */
  readonly damagedItems: readonly string[];
  /** Passes of maintenance that somebody asks for. */
  readonly maintenance: Maintenance;
  /** Compares the objects that the index names with the objects that exist. */
  audit(): Promise<AuditReport>;
  /** Begins no further delivery, and waits a few seconds for those under way. Call it before `close`. */
  endDeliveries(): Promise<void>;
  /** Call this only after the last call of the API has ended. */
  close(): void;
};

export type BackendOptions = {
  /** The data directory. It is created when it is missing. */
  readonly directory: string;
  /** Receives every failure of the server (5xx). */
  readonly log?: NonNullable<ApiOptions['log']>;
  /** Receives the failures of background maintenance. By default they are dropped: maintenance runs again within the hour. */
  readonly onMaintenanceFailure?: (error: unknown) => void;
  /** How long an empty group keeps an offset after its commit. */
  readonly offsetsRetentionMinutes?: number;
  /** The first round of a group of Kafka's classic protocol waits so long for more members. Default: 0. */
  readonly initialRebalanceDelayMs?: number;
  /** Removes the damaged items of the table, and takes the others for all that there are. */
  readonly repair?: boolean;
  readonly clock?: Clock;
  /** Whether appends that come together share a segment. Default: true. Without it, each request has a segment of its own. */
  readonly groupCommit?: boolean;
  /** Decorates the engine, for metrics. */
  readonly watch?: (engine: Engine) => Engine;
  /** Receives what maintenance has done. */
  readonly onMaintained?: (counts: MaintenanceCounts) => void;
  /** Delivers to functions and webhooks. Default: to webhooks, also on this machine. */
  readonly targets?: PushTargets;
  /** Where Kafka's clients connect, as the events of deliveries name it. Default: 127.0.0.1:9092. */
  readonly bootstrapServers?: string;
  /** Learns of every delivery. */
  readonly observeDelivery?: PushPorts['observe'];
};

/** Throws, with a sentence for the person who started it, when the directory cannot be used. */
export function openBackend(options: BackendOptions): Backend {
  const { directory: given, log, onMaintenanceFailure = () => undefined, clock = systemClock } = options;
  const { offsetsRetentionMinutes = limits.defaultOffsetsRetentionMinutes, repair = false } = options;
  const { groupCommit = true, watch = (engine) => engine, onMaintained, observeDelivery } = options;
  const { initialRebalanceDelayMs = 0 } = options;
  const { bootstrapServers = '127.0.0.1:9092', targets = webhooks(bootstrapServers, clock) } = options;
  const directory = resolve(given);
  const isNew = checkFolder(directory);
  if (isNew) mark(directory);
  makePrivate(directory);
  // The table is opened first, because it takes the lock.
  const table = createSqliteTable({ path: join(directory, TABLE), repair });
  const objects = createFileObjectStore({ directory });
  const totals = newCounters();
  const ports = { objects: countingObjectStore(objects, totals), table: countingTable(table, totals), clock };
  const { version } = packageJson;
  // The lock on the table makes this process the only writer.
  const push = createLocalPush({
    clock,
    notifications: createAppendNotifications(clock),
    onFailure: onMaintenanceFailure,
  });
  const { notifications } = push;
  const delivery = { ...push.ports, targets, ...(observeDelivery && { observe: observeDelivery }) };
  const upkeep = createLogMaintenance({
    ...{ ...ports, notifications, onFailure: onMaintenanceFailure },
    ...(onMaintained && { onMaintained }),
  });
  const { hint, wake } = upkeep;
  const means = {
    ...{ ...ports, notifications, hint, wake, push: delivery, initialRebalanceDelayMs },
    ...{ isOnlyWriter: true, readsAhead: true, bornMs: clock.now() },
  };
  const alone = createEngine({ ...means, ...(groupCommit && { groupCommit: { uploadsAtOnce: objects.putsAtOnce } }) });
  const waiting = { fetches: limits.waitingFetches, partitions: limits.waitingPartitions };
  const engine = watch(withFewWaiting(alone, waiting));
  const api = createApi({ engine, version, ...(log && { log }) });
  upkeep.start();
  push.start(engine.dispatcher);
  const endHourly = startHourlyCare(engine, onMaintenanceFailure, {
    offsetsRetentionMinutes,
    removeExpired: () => table.removeExpired(clock.now()),
  });
  const close = () => {
    void push.stop();
    endHourly();
    upkeep.end();
    table.close();
  };
  const { damagedItems } = table;
  const { maintenance } = engine;
  const clusterId = () => clusterIdOf(ports.table, clock);
  return {
    api,
    engine,
    clusterId,
    directory,
    version,
    totals,
    damagedItems,
    maintenance,
    audit: () => audit(ports),
    endDeliveries: push.stop,
    close,
  };
}

const webhooks = (bootstrapServers: string, clock: Clock): PushTargets =>
  createTargets({ bootstrapServers, clock, network: { local: true } });

/** @returns whether the directory is still to be made a data directory. */
function checkFolder(directory: string): boolean {
  const found = readMarker(directory);
  if (found === undefined) {
    const others = filesIn(directory).filter((name) => !name.startsWith(MARKER) && !isIncidental(name));
    if (others.length > 0)
      throw new Error(
        `${directory} is not empty and holds no Rivulet data (${MARKER} is missing): restore it, or choose another directory`,
      );
    return true;
  }
  const format = /^rivulet data, format (\d+)\s*$/.exec(found.split('\n', 1)[0]!)?.[1];
  if (format === undefined)
    throw new Error(
      `${directory} holds no Rivulet data: its ${MARKER} does not begin with "rivulet data, format ${FORMAT}": restore that line, or choose another directory`,
    );
  if (Number(format) > FORMAT)
    throw new Error(
      `${directory} has data of format ${format}, and this version of Rivulet reads formats up to ${FORMAT}: use a newer version`,
    );
  if (!statOf(join(directory, TABLE))?.size && filesIn(directory).some((name) => name === 'objects' || name === 'tmp'))
    throw new Error(
      `${directory} has records and no ${TABLE}: restore the directory from a copy, or see "A damaged data folder" in docs/RUNBOOK.md`,
    );
  return false;
}

/** File systems, desktops and version control put these files into a directory by themselves. */
const isIncidental = (name: string): boolean =>
  /^(lost\+found|\.git(keep|ignore)|\.keep|\.DS_Store|\.Trash.*|\.fseventsd|\.Spotlight-V100|\.snapshots?|\.zfs|\.nfs.*|Thumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information|@eaDir)$/i.test(
    name,
  );

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

function readMarker(directory: string): string | undefined {
  return unlessMissing(() => readFileSync(join(directory, MARKER), 'utf8'));
}

function filesIn(directory: string): string[] {
  return unlessMissing(() => readdirSync(directory)) ?? [];
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Error(`the data directory cannot be read: ${message}`, { cause: error });
  }
}

/** Writes the marker whole or not at all. Two processes that race write the same text, and the table's lock picks one. */
function mark(directory: string): void {
  try {
    makeFolder(directory);
    const draft = join(directory, `${MARKER}.${process.pid}`);
    writeFileSync(draft, markerText, { flush: true, mode: 0o600 });
    renameSync(draft, join(directory, MARKER));
  } catch (error) {
    throw new Error(`the data directory cannot be created: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Withdraws the permissions of other users, also in the directory of an older version. No other user can reach deeper files
 * through these, and files that are created later are private.
 */
function makePrivate(directory: string): void {
  if (process.platform === 'win32') return;
  const names = filesIn(directory).filter(
    (name) => name === MARKER || name === 'objects' || name === 'tmp' || name.startsWith(TABLE),
  );
  for (const path of [directory, ...names.map((name) => join(directory, name))]) {
    const stats = statOf(path);
    if (stats && (stats.mode & 0o077) !== 0) withdraw(path, stats);
  }
}

/** Takes the permissions of other users away. If another user owns the path, that user must protect it. */
function withdraw(path: string, stats: Stats): void {
  try {
    chmodSync(path, stats.mode & 0o700);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EPERM' || code === 'EROFS' || code === 'ENOTSUP') return;
    throw new Error(`the data directory cannot be made private: ${message}`, { cause: error });
  }
}
