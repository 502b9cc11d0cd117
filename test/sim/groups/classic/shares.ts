// What the leader of a group of the classic protocol gives to each member. An eager leader draws anew who gets what. A cooperative
// one lets each member keep its share, and gives nobody what another still holds: that comes in the next round, when the other has
// let go of it.
import { subscribedTopics } from '../../../../lib/group/classic/consumer-protocol.ts';
import type { Random } from '../../core/random.ts';
import { assignmentBytes, ownedIn } from './consumer-bytes.ts';

type Listed = { readonly memberId: string; readonly metadata: Uint8Array };
type Place = { readonly topic: string; readonly partition: number };
type Draw = (place: Place) => string | undefined;

type Leader = {
  readonly random: Random;
  readonly partitions: ReadonlyMap<string, number>;
  readonly isCooperative: boolean;
};

/** Each request draws anew, so that two copies of the leader's request differ. */
export function sharesOf({ random, partitions, isCooperative }: Leader, members: readonly Listed[]) {
  if (members.length === 0) return [];
  if (members.some(({ metadata }) => subscribedTopics(metadata).length !== partitions.size))
    throw new Error('the leader was given a subscription that no member has');
  const all = [...partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition): Place => ({ topic, partition })),
  );
  const draw: Draw = isCooperative ? keeping(random, members, all) : () => random.pick(members).memberId;
  const drawn = all.map((place) => ({ ...place, to: draw(place) }));
  return members.map(({ memberId }) => ({
    memberId,
    assignment: assignmentBytes(
      [...partitions.keys()].map((topic) => ({
        topic,
        partitions: drawn.filter((each) => each.topic === topic && each.to === memberId).map((each) => each.partition),
      })),
    ),
  }));
}

const nameOf = ({ topic, partition }: Place): string => `${topic}-${partition}`;

/** Who holds what: of two members that both claim a partition, the one that was told it last. */
function holdersOf(members: readonly Listed[]): Map<string, string> {
  const claims = members.map(({ memberId, metadata }) => ({ memberId, ...ownedIn(metadata) }));
  const holders = new Map<string, string>();
  for (const { memberId, owned } of claims.sort((a, b) => a.generation - b.generation))
    for (const { topic, partitions } of owned)
      for (const partition of partitions) holders.set(nameOf({ topic, partition }), memberId);
  return holders;
}

function keeping(random: Random, members: readonly Listed[], all: readonly Place[]): Draw {
  const holders = holdersOf(members);
  const most = Math.ceil(all.length / members.length);
  const counts = new Map(members.map(({ memberId }) => [memberId, 0]));
  const take = (memberId: string) => {
    counts.set(memberId, counts.get(memberId)! + 1);
    return memberId;
  };
  const kept = new Map<string, string>();
  for (const [name, holder] of holders) if (counts.get(holder)! < most) kept.set(name, take(holder));
  return (place) => {
    const name = nameOf(place);
    if (kept.has(name)) return kept.get(name);
    if (holders.has(name)) return undefined;
    const least = Math.min(...counts.values());
    return take(random.pick(members.filter(({ memberId }) => counts.get(memberId) === least)).memberId);
  };
}
