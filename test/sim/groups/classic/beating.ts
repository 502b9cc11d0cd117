// These members join by heartbeats (KIP-848) a group that had the classic protocol, or has it next. The checker judges their
// tellings and commits with the rest: generations and member epochs are numbers of one kind.
import { newGroupHistory } from '../history.ts';
import { newMemberName, type SimMember, startMember } from '../member.ts';
import { type ClassicCommitSeen, type ClassicSurroundings, noteDeparture, type Told } from './member.ts';

export type Beating = {
  readonly members: readonly SimMember[];
  start(): Pick<SimMember, 'leave' | 'freeze'>;
  /** Each partition once, in the epoch in which the member has taken it. */
  tellings(): Told[];
  commits(): ClassicCommitSeen[];
};

export function beatingMembers(surroundings: ClassicSurroundings): Beating {
  const { scheduler, random, processes, partitions, trace } = surroundings;
  const history = newGroupHistory({ keepsLeases: false, mostUnownedMs: Number.POSITIVE_INFINITY });
  const world = { scheduler, random, processes, history, trace, mischief: 0, gateway: false };
  const members: SimMember[] = [];
  return {
    members,
    start() {
      const member = startMember(world, { name: newMemberName(random), topics: [...partitions.keys()] });
      members.push(member);
      const departs = () => noteDeparture(surroundings, member.name);
      return {
        freeze(forMs) {
          departs();
          member.freeze(forMs);
        },
        leave(epoch) {
          departs();
          return member.leave(epoch);
        },
      };
    },
    tellings() {
      const last = new Map<string, readonly string[]>();
      return history.tellings.map(({ member: memberId, epoch: generation, partitions: told, atMs }) => {
        const before = last.get(memberId) ?? [];
        last.set(memberId, told);
        return { memberId, generation, atMs, partitions: told.filter((partition) => !before.includes(partition)) };
      });
    },
    commits: () =>
      history.commits.map(({ member: memberId, epoch: generation, partition, offset, begunMs, endedMs, result }) => ({
        ...{ memberId, generation, partition, offset, begunMs, endedMs, result },
      })),
  };
}
