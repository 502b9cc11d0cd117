// This part of the administration starts passes of maintenance and reads their reports.
import type { MaintenanceOptions, MaintenancePass as Pass } from '../../lib/api/maintenance.ts';
import { paths } from '../transport/paths.ts';
import type { AdminCalls } from './admin-calls.ts';

/** Times are in epoch milliseconds. */
export type MaintenancePass = Omit<Pass, 'requestedMs' | 'progressMs'> & {
  readonly requestedAt: number;
  readonly progressAt: number;
};

type OfTopic = { readonly topic?: string };

const pathOf = ({ topic }: OfTopic): string =>
  topic === undefined ? paths.maintenance : paths.topicMaintenance(topic);

/** A repeat after a lost reply finds the pass at work, so it starts no second one. */
export function maintain(calls: AdminCalls, request: MaintenanceOptions & OfTopic): Promise<MaintenancePass> {
  const { topic: _, ...body } = request;
  const path = pathOf(request);
  return calls.retrying(() => calls.ask<MaintenancePass>({ method: 'POST', path, body, writes: true }));
}

export function maintenance(calls: AdminCalls, request: OfTopic): Promise<MaintenancePass> {
  return calls.read<MaintenancePass>(pathOf(request));
}
