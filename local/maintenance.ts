// The maintenance of the log in the embedded backend. In AWS functions do this. One thing is done at a time, so that
// requests are hardly slowed down: hints of appends, the daily look at all partitions with the sweep, retention that is
// due, and passes that somebody asks for.
//
// Invariant: nothing is begun after the end. Work that is under way then fails, and is dropped: the log is whole at
// any step.
import type { MaintenanceCounts } from '../lib/api/maintenance.ts';
import type { AppendNotifications } from '../lib/log/append-notifications.ts';
import { type Ports, partitionName } from '../lib/log/context.ts';
import type { MaintenanceOptions } from '../lib/maintenance/maintenance.ts';
import { runPass } from '../lib/maintenance/pass.ts';
import { newReport } from '../lib/maintenance/report.ts';
import { sweepAll } from '../lib/maintenance/sweep-all.ts';
import { type Errand, lookAround, runErrand } from '../lib/maintenance/upkeep.ts';
import type { PageAddress } from '../lib/partition/page.ts';
import type { Clock } from '../lib/runtime/clock.ts';
import { createGate } from '../lib/runtime/concurrency.ts';

const firstMs = 5 * 60_000;
const hourMs = 3_600_000;
const hoursInDay = 24;

export type LogMaintenance = {
  readonly hint: NonNullable<Ports['hint']>;
  readonly wake: MaintenanceOptions['wake'];
  /** Begins the daily and the hourly work. */
  start(): void;
  end(): void;
};

type Options = Pick<Ports, 'objects' | 'table'> & {
  readonly clock: Clock;
  /** Those of the engine: fetches that wait in this process learn of a new log start. */
  readonly notifications: AppendNotifications;
  readonly onFailure: (error: unknown) => void;
  /** Receives what was done, without the passes that somebody asks for: those have reports of their own. */
  readonly onMaintained?: (counts: MaintenanceCounts) => void;
};

export function createLogMaintenance({ onFailure, notifications, onMaintained, ...ports }: Options): LogMaintenance {
  let isEnded = false;
  const timers: NodeJS.Timeout[] = [];
  // This process is the only one, so no reader of an older version is at work.
  const tools = {
    ...{ ...ports, isOver: () => isEnded, mergeDelayMs: 0, maySweep: true, tableName: 'the only one' },
    onLogStart: (address: PageAddress) => notifications.announce(partitionName(address)),
  };
  const oneAtATime = createGate(1);
  const queued = new Set<string>();

  const inTurn = (work: () => Promise<unknown>): void => {
    const turn = async () => void (isEnded || (await work()));
    void oneAtATime.run(turn).catch((error: unknown) => void (isEnded || onFailure(error)));
  };
  const failed = (notes: readonly string[]) => {
    for (const note of notes) if (!isEnded) onFailure(new Error(`maintenance of ${note}`));
  };
  /** An errand that waits already is enough. */
  const send = async (errand: Errand): Promise<void> => {
    const name = `${errand.topicId}/${errand.partitions.join()}`;
    if (queued.has(name)) return;
    queued.add(name);
    inTurn(async () => {
      queued.delete(name);
      const { report } = await runErrand(tools, errand);
      onMaintained?.(report.counts);
      failed(report.notes);
    });
  };
  const daily = async (): Promise<void> => {
    await lookAround(tools, send);
    inTurn(async () => {
      const report = newReport();
      await sweepAll(tools, false, report);
      onMaintained?.(report.counts);
    });
  };
  let hours = 0;
  const hourly = () => inTurn(hours++ % hoursInDay === 0 ? daily : () => lookAround(tools, send, true));

  return {
    hint: ({ topic, topicId, partition }) => send({ topic, topicId, partitions: [partition] }),
    wake: async (pass) => inTurn(() => runPass(tools, pass)),
    start() {
      const first = setTimeout(() => {
        hourly();
        timers.push(setInterval(hourly, hourMs).unref());
      }, firstMs);
      timers.push(first.unref());
    },
    end() {
      isEnded = true;
      for (const timer of timers) clearInterval(timer);
    },
  };
}
