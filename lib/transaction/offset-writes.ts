// The writes that commit the staged offsets of one group, by the rules of the protocol that staged them.

import { generationRules } from '../group/classic/commit.ts';
import type { GroupContext } from '../group/context.ts';
import { ownershipWrites, type Rules } from '../group/items/write-ownership.ts';
import { checkMemberId } from '../group/names.ts';
import type { CommitEntry } from '../group/offsets/commit.ts';
import { checkOffsets, commitWrites, entriesOf } from '../group/offsets/commit.ts';
import { resolveOwned } from '../group/topics.ts';
import type { Check, Write } from '../storage/table.ts';
import type { MemberOffsets, StagedOffsets } from './staged-offsets.ts';

/** Throws the error of the first partition that is refused. */
export async function offsetWrites(context: GroupContext, staged: StagedOffsets): Promise<(Write | Check)[]> {
  if ('generation' in staged) return writesOfMember(context, staged);
  const byAnyone = 'byAnyone' in staged;
  return commitWrites(context, staged, { byAnyone });
}

async function writesOfMember(context: GroupContext, staged: MemberOffsets): Promise<(Write | Check)[]> {
  checkOffsets(staged);
  checkMemberId(staged.memberId);
  const { entries, errors } = entriesOf(staged, await resolveOwned(context.topics, staged.topics));
  const [refusal] = errors.values();
  if (refusal) throw refusal;
  return ownershipWrites(context, staged.groupId, entries, onceOnly(generationRules(context, staged), staged));
}

/**
 * The transaction happens once, so an offset that is committed already is written too: that checks the term. The head is
 * checked only where a partition's own term does not tell that the member may commit it.
 */
function onceOnly(rules: Rules<CommitEntry>, { memberId }: MemberOffsets): Rules<CommitEntry> {
  let areAllOwned = true;
  return {
    ...rules,
    judge: async (entry, ownership) => {
      if (ownership.owner !== memberId) areAllOwned = false;
      const verdict = await rules.judge(entry, ownership);
      return verdict === 'done' ? 'write' : verdict;
    },
    get ifNew() {
      return areAllOwned ? undefined : rules.ifNew;
    },
  };
}
