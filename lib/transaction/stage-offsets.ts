// Stages offsets of a group. Their form is checked here. Whether they can be committed is decided with the transaction.
import type { StageOffsetsRequest } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { checkCommit, checkMetadata } from '../group/offsets/commit.ts';
import { openItem } from './open-item.ts';
import { beingEnded } from './refusals.ts';
import { addTo } from './stage-update.ts';
import { checkOffsetsRoom, encodeOffsets } from './staged-offsets.ts';

const tries = 8;

export async function stageOffsets(context: GroupContext, { in: ref, ...request }: StageOffsetsRequest): Promise<void> {
  checkCommit(request);
  checkMetadata(request);
  const text = encodeOffsets(request);
  for (let attempt = 0; attempt < tries; attempt++) {
    const item = await openItem(context, ref, { mayBeDone: attempt > 0 });
    // This is a repeat, or an earlier copy of this very request was applied and its reply was lost.
    const isStaged = item.offsets.includes(text);
    if (isStaged) return;
    checkOffsetsRoom(item, text);
    const result = await addTo(context, item, {
      append: [['go', [text]]],
      add: [['y', Buffer.byteLength(text)]],
    });
    if (result.applied) return;
  }
  throw beingEnded(await openItem(context, ref));
}
