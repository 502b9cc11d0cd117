// ListGroups (16). Lists the groups, of both protocols.
//
// Versions 0 to 5; from version 4 on by state, and from version 5 on by type.
import type { GroupSummary } from '../../lib/api/groups.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, readCode } from '../errors.ts';
import { stateNames } from '../group-states.ts';

type Request = { readonly statesFilter: readonly string[]; readonly typesFilter: readonly string[] };

type Reply = { readonly errorCode: number; readonly groups: readonly GroupReply[] };

type GroupReply = {
  readonly groupId: string;
  readonly protocolType: string;
  readonly groupState: string;
  readonly groupType: string;
};

const pageGroups = 1_000;

export const listGroups = defineApi<Request, Reply>({
  key: 16,
  versions: [0, 5],
  overlaps: true,
  async answer(gateway, { statesFilter, typesFilter }) {
    const states = filterOf(statesFilter);
    const types = filterOf(typesFilter);
    try {
      const groups = (await allGroups(gateway)).map(groupReply);
      return {
        errorCode: code.none,
        groups: groups.filter(({ groupState, groupType }) => states(groupState) && types(groupType)),
      };
    } catch (error) {
      return { errorCode: readCode(error), groups: [] };
    }
  },
});

/** Names are compared without case, and an empty filter lets everything pass. The fields are absent in old versions. */
function filterOf(names: readonly string[] = []): (name: string) => boolean {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return (name) => wanted.size === 0 || wanted.has(name.toLowerCase());
}

async function allGroups({ engine }: Gateway): Promise<GroupSummary[]> {
  const groups: GroupSummary[] = [];
  for (let after: string | undefined; ; after = groups.at(-1)!.groupId) {
    const page = await engine.groups.list({ limit: pageGroups, ...(after !== undefined && { after }) });
    groups.push(...page.groups);
    if (!page.more) return groups;
  }
}

const groupReply = ({ groupId, state, protocolType }: GroupSummary): GroupReply => ({
  groupId,
  protocolType: protocolType ?? 'consumer',
  groupState: protocolType === undefined ? state : stateNames[state],
  groupType: protocolType === undefined ? 'Consumer' : 'Classic',
});
