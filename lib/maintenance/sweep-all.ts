// The sweep as a part of a pass: its findings go into the report.
import type { Counts } from './context.ts';
import { addNote, type Report } from './report.ts';
import { type SweepReport, sweep } from './sweep.ts';
import type { MaintenanceTools } from './tools.ts';

/** `tableName` distinguishes this table from all others that could be used with the same objects. */
export type SweepTools = MaintenanceTools & { readonly tableName: string };

export async function sweepAll(
  tools: SweepTools,
  isDryRun: boolean,
  report: Report,
  adopt = false,
): Promise<SweepReport> {
  const { objects, table, clock, isOver, tableName } = tools;
  const context = {
    ...{ objects, table, clock, isOver, tableName, isDryRun, isFull: false },
    counts: report.counts as Counts,
    onDamage: () => undefined,
  };
  const found = await sweep(context, { adopt });
  report.missingObjects += found.audit.missingObjects;
  for (const reason of [found.incomplete, found.refusal]) if (reason !== undefined) addNote(report, `sweep: ${reason}`);
  return found;
}
