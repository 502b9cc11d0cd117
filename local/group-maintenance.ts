// The maintenance of groups in the embedded backend: what an hourly function does in AWS.
import type { Groups } from '../lib/api/groups.ts';
import { type TendOptions, tendGroups } from '../lib/maintenance/groups.ts';

const firstMs = 60_000;
const everyMs = 3_600_000;

/** The first time after a minute, then once an hour. @returns what ends it. */
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
