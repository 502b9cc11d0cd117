// The log start of a partition only moves forward. Records below it are gone for every reader from then on. Their objects
// and log items go later.
import { headKey } from '../storage/keys.ts';
import { all, atLeast, below, type Table } from '../storage/table.ts';
import { type Head, parseHead } from './head.ts';
import type { PageAddress } from './page.ts';

export type Raised = {
  /** False if the log start is there already, or further. */
  readonly isOurs: boolean;
  /** The head after the write. Undefined if it was never made. */
  readonly head: Head | undefined;
};

/** A copy that arrives late must not bring deleted records back, and no log start lies above the end of its log. */
export async function raiseLogStart(table: Table, { topicId, partition }: PageAddress, to: number): Promise<Raised> {
  const isForward = below('s', to);
  const isWithinLog = atLeast('n', to);
  const result = await table.write({
    kind: 'update',
    key: headKey(topicId, partition),
    update: { set: [['s', to]] },
    if: all(isForward, isWithinLog),
  });
  const item = result.applied ? result.item : result.old;
  return { isOurs: result.applied, head: item && parseHead(item) };
}
