// Removes the listing of a transactional id that has no item of this life. The process that listed it has died, or a late copy
// of its write has come after the id expired.
//
// Invariant: an xid whose listing went never gets an item. The write that makes the item checks the listing (init.ts).
import type { GroupContext } from '../group/context.ts';
import { transactionKey, transactionListingKey } from '../storage/keys.ts';
import { absent, any, equals } from '../storage/table.ts';
import { newToken } from '../storage/transaction-tokens.ts';
import { isInState } from './item.ts';

export async function removeListing(
  { table, clock }: GroupContext,
  transactionalId: string,
  xid: number,
): Promise<boolean> {
  const isListed = equals('i', xid);
  const hasNoItem = any(absent('v'), isInState('c'));
  const result = await table.transact(
    [
      { kind: 'delete', key: transactionListingKey(transactionalId), if: isListed },
      { kind: 'check', key: transactionKey(transactionalId), if: hasNoItem },
    ],
    newToken(clock),
  );
  return result.applied;
}
