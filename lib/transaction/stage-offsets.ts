// Stages offsets of a group. Their form is checked here. Whether they can be committed is decided with the transaction.
import type { StageOffsetsRequest, StageProducerOffsets } from '../api/transactions.ts';
import type { GroupContext } from '../group/context.ts';
import { checkCommit, checkMetadata } from '../group/offsets/commit.ts';
import type { Ref } from './newest-instance.ts';
import { offsetWrites } from './offset-writes.ts';
import { openItem } from './open-item.ts';
import { beingEnded } from './refusals.ts';
import { addTo } from './stage-update.ts';
import { checkOffsetsRoom, encodeOffsets, type StagedOffsets } from './staged-offsets.ts';

const tries = 8;

export async function stageOffsets(context: GroupContext, { in: ref, ...request }: StageOffsetsRequest): Promise<void> {
  checkCommit(request);
  checkMetadata(request);
  await stageText(context, ref, encodeOffsets(request));
}

/** Clients of Kafka's protocol expect to learn here that a member may not commit. The commit checks it again. */
export async function stageOffsetsOfProducer(
  context: GroupContext,
  { in: ref, member, ...request }: StageProducerOffsets,
): Promise<void> {
  const staged: StagedOffsets = member ? { ...request, ...member } : { ...request, byAnyone: true };
  checkMetadata(request);
  await offsetWrites(context, staged);
  await stageText(context, ref, encodeOffsets(staged));
}

async function stageText(context: GroupContext, ref: Ref, text: string): Promise<void> {
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
