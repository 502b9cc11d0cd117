// DescribeGroups (15). Describes groups and their members.
//
// Versions 0 to 5. A group that does not exist is Dead, as in Apache Kafka. Deviation: a group whose members keep it by
// heartbeats over HTTP is described too, without what only the classic protocol has.
import { RivuletError } from '../../lib/api/errors.ts';
import type { GroupDescription } from '../../lib/api/groups.ts';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { defineApi, type Gateway } from '../api.ts';
import { code, groupCode } from '../errors.ts';
import { stateNames } from '../group-states.ts';

type Request = { readonly groups: readonly string[] };

type Reply = { readonly groups: readonly GroupReply[] };

type GroupReply = {
  readonly errorCode: number;
  readonly groupId: string;
  readonly groupState: string;
  readonly protocolType: string;
  readonly protocolData: string;
  readonly members: readonly MemberReply[];
};

type MemberReply = {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly memberMetadata: Uint8Array;
  readonly memberAssignment: Uint8Array;
};

const groupsAtOnce = 8;

export const describeGroups = defineApi<Request, Reply>({
  key: 15,
  versions: [0, 5],
  overlaps: true,
  async answer(gateway, { groups }) {
    return { groups: await inParallel(groups, groupsAtOnce, (groupId) => describe(gateway, groupId)) };
  },
});

async function describe({ engine }: Gateway, groupId: string): Promise<GroupReply> {
  try {
    const classic = await engine.classicGroups.describe(groupId);
    if (!classic) return describedByHeartbeats(await engine.groups.describe(groupId));
    const { state, protocolType, protocol, members } = classic;
    return {
      ...{ errorCode: code.none, groupId, groupState: state, protocolType, protocolData: protocol },
      members: members.map(({ memberId, instanceId = null, clientId, host, metadata, assignment }) => ({
        ...{
          memberId,
          groupInstanceId: instanceId,
          clientId,
          clientHost: host,
          memberMetadata: metadata,
          memberAssignment: assignment,
        },
      })),
    };
  } catch (error) {
    const isMissing = error instanceof RivuletError && error.errorCode === 'GROUP_ID_NOT_FOUND';
    const errorCode = isMissing ? code.none : groupCode(error);
    return { errorCode, groupId, groupState: isMissing ? 'Dead' : '', protocolType: '', protocolData: '', members: [] };
  }
}

const nothing = new Uint8Array();

const describedByHeartbeats = ({ groupId, state, assignor, memberDetails }: GroupDescription): GroupReply => ({
  ...{ errorCode: code.none, groupId, groupState: stateNames[state], protocolType: 'consumer', protocolData: assignor },
  members: memberDetails.map(({ memberId, instanceId = null, clientId, host }) => ({
    ...{
      memberId,
      groupInstanceId: instanceId,
      clientId,
      clientHost: host,
      memberMetadata: nothing,
      memberAssignment: nothing,
    },
  })),
});
