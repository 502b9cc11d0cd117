// The sweep as a part of a pass: its findings go into the report.
import { addNote, type Report } from './report.ts';
import { type SweepReport, sweep } from './sweep.ts';
import type { MaintenanceTools } from './tools.ts';

/** `tableName` distinguishes this table from others that were restored over the same objects. */
export type SweepTools = MaintenanceTools & { readonly tableName: string };

export async function sweepAll(tools: SweepTools, isDryRun: boolean, report: Report): Promise<SweepReport> {
  const { objects, table, clock, isOver, tableName } = tools;
  const found = await sweep({
    ...{ objects, table, clock, isOver, tableName, isDryRun, isFull: false },
    counts: report.counts as { -readonly [Name in keyof Report['counts']]: number },
    onDamage: () => undefined,
  });
  report.missingObjects += found.audit.missingObjects;
  for (const reason of [found.incomplete, found.refusal]) if (reason !== undefined) addNote(report, `sweep: ${reason}`);
  return found;
}
