// The maintenance of groups in the embedded backend. In AWS a function does this every hour.
import type { Groups } from '../lib/api/groups.ts';
import { type TendOptions, tendGroups } from '../lib/maintenance/groups.ts';

const firstMs = 60_000;
const everyMs = 3_600_000;

/** Runs the maintenance after a minute and then once an hour. @returns a function that ends it. */
export function startGroupMaintenance(
  groups: Groups,
  onFailure: (error: unknown) => void,
  options: Pick<TendOptions, 'offsetsRetentionMinutes'>,
): () => void {
  let isEnded = false;
  const run = (): void => {
    const report = (error: unknown) => void (isEnded || onFailure(error));
    void tendGroups(groups, { ...options, isOver: () => isEnded }).catch(report);
  };
  const first = setTimeout(run, firstMs).unref();
  const hourly = setInterval(run, everyMs).unref();
  return () => {
    isEnded = true;
    clearTimeout(first);
    clearInterval(hourly);
  };
}
