// The report of a pass: sums that grow from step to step, and from process to process.
import type { MaintenanceDamage, MaintenanceReport, MaintenanceRequests } from '../api/maintenance.ts';
import { type Counters, newCounters, usdOf } from '../storage/count.ts';
import { newCounts } from './context.ts';

export type Report = { -readonly [Name in keyof MaintenanceReport]: MaintenanceReport[Name] };

/** The report names so many places of damage, and has so many notes. Both are stored in one item. */
const mostDamage = 50;
const mostNotes = 20;
const noteLength = 300;

export const newReport = (): Report => ({
  counts: newCounts(),
  partitions: 0,
  damaged: 0,
  damage: [],
  missingObjects: 0,
  notes: [],
  requests: requestsOf(newCounters()),
  usd: 0,
  durationMs: 0,
});

export function addDamage(report: Report, damage: MaintenanceDamage & { readonly topic: string }): void {
  report.damaged += 1;
  if (report.damage.length < mostDamage)
    report.damage = [...report.damage, { ...damage, reason: damage.reason.slice(0, noteLength) }];
}

export function addNote(report: Report, note: string): void {
  if (report.notes.length < mostNotes) report.notes = [...report.notes, note.slice(0, noteLength)];
}

export function addRequests(report: Report, counters: Counters, durationMs: number): void {
  const more = requestsOf(counters);
  const names = Object.keys(more) as (keyof MaintenanceRequests)[];
  const sums = names.map((name) => [name, report.requests[name] + more[name]]);
  report.requests = Object.fromEntries(sums) as MaintenanceRequests;
  report.usd = Number((report.usd + usdOf(counters)).toPrecision(6));
  report.durationMs += Math.round(durationMs);
}

const requestsOf = ({ s3Put, s3Get, s3List, s3Delete, readUnits, writeUnits }: Counters): MaintenanceRequests => ({
  s3Put,
  s3Get,
  s3List,
  s3Delete,
  readUnits,
  writeUnits,
});
