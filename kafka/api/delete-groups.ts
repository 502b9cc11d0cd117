// DeleteGroups (42). Deletes groups that have no members, with their offsets.
//
// Versions 0 to 2.
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = { readonly groupsNames: readonly string[] };

type Reply = { readonly results: readonly { readonly groupId: string; readonly errorCode: number }[] };

const groupsAtOnce = 8;

export const deleteGroups = defineApi<Request, Reply>({
  key: 42,
  versions: [0, 2],
  overlaps: false,
  async answer({ engine }, { groupsNames }) {
    const results = await inParallel(groupsNames, groupsAtOnce, async (groupId) => {
      try {
        await engine.groups.delete(groupId);
        return { groupId, errorCode: code.none };
      } catch (error) {
        return { groupId, errorCode: groupCode(error) };
      }
    });
    return { results };
  },
});
