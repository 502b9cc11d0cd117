// Counts the deliveries of a subscription that are under way at the same time. A delivery counts while the term in which it began
// holds, and its lease has never been so near to its end that a clock could take it for over.
import { groupId, type History, type UnderWay } from './history.ts';

type Limit = { readonly maximumConcurrency?: number; readonly mostSkewMs: number };

/** Notes a delivery that begins, and complains if it is one too many. */
export function beginDelivery(
  { terms, underWay, complaints }: History,
  { maximumConcurrency = Number.POSITIVE_INFINITY, mostSkewMs }: Limit,
  begun: UnderWay,
  nowMs: number,
): void {
  const isHeld = ({ partition, owner }: UnderWay): boolean => {
    const term = terms.get(partition);
    return term !== undefined && term.owner === owner && !term.hasLapsed && term.leaseUntilMs > nowMs + 2 * mostSkewMs;
  };
  underWay.add(begun);
  const held = new Set([...underWay].filter(isHeld).map(({ partition }) => partition));
  if (!isHeld(begun) || held.size <= maximumConcurrency) return;
  complaints.push(`${held.size} partitions of ${groupId} are delivered at a time: ${[...held]} at ${nowMs}`);
}
