// Heartbeat (12). Keeps a member in its generation, and tells it when it must join another.
//
// Versions 0 to 4.
import { defineApi } from '../api.ts';
import { code, groupCode } from '../errors.ts';

type Request = {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
};

type Reply = { readonly errorCode: number };

export const heartbeat = defineApi<Request, Reply>({
  key: 12,
  versions: [0, 4],
  overlaps: false,
  async answer({ engine }, { groupId, memberId, generationId, groupInstanceId }) {
    try {
      await engine.classicGroups.heartbeat({
        ...{ groupId, memberId, generation: generationId },
        ...(groupInstanceId !== null && { instanceId: groupInstanceId }),
      });
      return { errorCode: code.none };
    } catch (error) {
      return { errorCode: groupCode(error) };
    }
  },
});
