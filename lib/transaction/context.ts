// Transactions need what groups need, and remember for a while where commits in one step met other writes.
import type { GroupContext } from '../group/context.ts';
import { partitionName } from '../log/context.ts';
import type { PageAddress } from '../partition/page.ts';
import { newCache } from '../runtime/cache.ts';
import type { Clock } from '../runtime/clock.ts';

export type TransactionContext = GroupContext & { readonly hotHeads: HotHeads };

type Addresses = readonly { readonly address: PageAddress }[];

export type HotHeads = {
  /** One of these heads was hot some seconds ago. */
  hasAny(heads: Addresses): boolean;
  /** A commit met other writes at these heads. The table does not say at which. */
  add(heads: Addresses): void;
};

const hotMs = 10_000;
const headsKept = 10_000;

export function newHotHeads(clock: Pick<Clock, 'monotonic'>): HotHeads {
  const hotUntilMs = newCache<number>(headsKept);
  return {
    hasAny: (heads) => heads.some(({ address }) => (hotUntilMs.get(partitionName(address)) ?? 0) > clock.monotonic()),
    add(heads) {
      for (const { address } of heads) hotUntilMs.set(partitionName(address), clock.monotonic() + hotMs);
    },
  };
}
