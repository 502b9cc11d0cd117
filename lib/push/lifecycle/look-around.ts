// The net under all triggers: it looks at every partition of every subscription, and finishes deletions that died. It is the only
// help after a lost trigger, a run that died three times, and a creation or resumption that died.
import type { LeasesOver } from '../../api/push.ts';
import type { PushContext } from '../context.ts';
import { unflag } from '../items/flag.ts';
import { lookAtPartitions } from '../look.ts';
import { pushedTopics, subscriptionsOf } from './describe.ts';

/** Returns how many partitions it sent an invocation for. */
export async function lookAround(
  context: PushContext,
  { leasesOver, isOver = () => false }: { readonly leasesOver?: LeasesOver; readonly isOver?: () => boolean } = {},
): Promise<number> {
  let invoked = 0;
  for (const { topicId } of await pushedTopics(context))
    for (const { listing, subscription } of await subscriptionsOf(context, topicId)) {
      if (isOver()) return invoked;
      if (subscription) invoked += await lookAtPartitions(context, subscription, { leasesOver });
      else await unflag(context.table, listing);
    }
  return invoked;
}
