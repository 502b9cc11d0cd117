// The maintenance item of a partition holds what merging, compaction and the sweep agree on. Appends never touch it, and
// maintenance never puts the head into a transaction: the hottest partitions would conflict for ever.
//
//   v version   lm end of the log items   lz bytes that were ever appended below lm   g fence of the outputs' epochs
//   h floor of the producer history: the pages from h on are complete   cp clean point   cy bytes below the clean point
//   cd, cr of an unfinished compaction from cp: the end of its dirty range, and the offset up to which all is cleaned
//   lo owner of the lease   lu end of the lease, ms   at end of the last pass, ms   bad offset of damage that stops merging
//
// A missing item, or a missing attribute, counts as 0. The numbers only grow, except for lease, damage and cd, cr.
import { checkVersion, maintenanceKey } from '../storage/keys.ts';
import { absent, any, atMost, type Condition, type Item, type Table } from '../storage/table.ts';
import { deletedFence } from './head.ts';
import type { PageAddress } from './page.ts';

/** Everything below `reached` is cleaned by the keys of [clean point, `to`). This stays true while the clean point stays. */
export type UnfinishedCompaction = { readonly to: number; readonly reached: number };

export type MaintenanceItem = {
  /** The log items cover [log start, `logEnd`) without a hole. */
  readonly logEnd: number;
  readonly bytesAppended: number;
  /** Outputs of an older epoch may have been swept. 0xffffff closes the partition for ever. */
  readonly fence: number;
  readonly historyFloor: number;
  readonly cleanPoint: number;
  readonly cleanBytes: number;
  readonly unfinished: UnfinishedCompaction | undefined;
  readonly leaseOwner: string;
  readonly leaseEndMs: number;
  /** 0 if there was no pass. */
  readonly lastPassMs: number;
  readonly damagedAt: number | undefined;
};

export function parseMaintenanceItem(item: Item | undefined): MaintenanceItem {
  if (item) checkVersion(item, 'maintenance item');
  const number = (name: string) => (item?.[name] as number | undefined) ?? 0;
  return {
    logEnd: number('lm'),
    bytesAppended: number('lz'),
    fence: number('g'),
    historyFloor: number('h'),
    cleanPoint: number('cp'),
    cleanBytes: number('cy'),
    unfinished: item?.cd === undefined ? undefined : { to: number('cd'), reached: number('cr') },
    leaseOwner: (item?.lo as string | undefined) ?? '',
    leaseEndMs: number('lu'),
    lastPassMs: number('at'),
    damagedAt: item?.bad as number | undefined,
  };
}

/** No sweep may have deleted an object of this epoch, and the partition is not closed. */
export const notFenced = (epoch: number): Condition => any(absent('g'), atMost('g', Math.min(epoch, deletedFence - 1)));

/** The read is strong and costs 1 read unit. */
export async function readMaintenanceItem(table: Table, { topicId, partition }: PageAddress): Promise<MaintenanceItem> {
  return parseMaintenanceItem(await table.get(maintenanceKey(topicId, partition), { strong: true }));
}
