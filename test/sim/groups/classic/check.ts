// Judges a history of a group of the classic protocol, by what its members were told and what the table had.
import type { Look, TermSeen } from '../history.ts';
import type { ClassicCommitSeen, ClassicHistory, Told } from './member.ts';

export type ClassicWorldHistory = ClassicHistory & {
  readonly looks: readonly Look[];
  /** Under the topics' names. */
  readonly terms: readonly TermSeen[];
  /** The members that send heartbeats (KIP-848). */
  readonly beating: ReadonlySet<string>;
  /** For each partition, the living members that hold it when everything has come to rest. */
  readonly atRest: ReadonlyMap<string, number>;
  /** The generations of the living members at rest. */
  readonly generations: readonly number[];
};

export type ClassicAnomaly =
  | 'two owners in one generation'
  | 'told before the fence'
  | 'told what another holds'
  | 'members of both protocols'
  | 'term epoch fell'
  | 'term changed hands'
  | 'commit after the fence'
  | 'committed offset went back'
  | 'acknowledged commit lost'
  | 'no stable generation'
  | 'not owned once at rest';

export function checkClassic(history: ClassicWorldHistory): string[] {
  return [
    ...ownersOfGenerations(history),
    ...claimsOf(history),
    ...protocolsOf(history),
    ...termsOf(history),
    ...fencesOf(history),
    ...commitsOf(history),
    ...offsetsOf(history),
    ...rest(history),
  ];
}

const complaint = (anomaly: ClassicAnomaly, detail: string): string => `${anomaly}: ${detail}`;

/** A static member inherits from the last one of its instance, within a generation. */
const isSameInstance = ({ instances }: ClassicHistory, a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && instances.has(a) && instances.get(a) === instances.get(b);

function* ownersOfGenerations(history: ClassicHistory): Generator<string> {
  const { tellings } = history;
  const owners = new Map<string, string>();
  for (const { memberId, generation, partitions } of tellings)
    for (const partition of partitions) {
      const place = `${partition} in generation ${generation}`;
      const other = owners.get(place) ?? memberId;
      owners.set(place, memberId);
      if (other !== memberId && !isSameInstance(history, other, memberId))
        yield complaint('two owners in one generation', `${place}: ${other} and ${memberId}`);
    }
}

/** The leader hands on nothing that a cooperative member has said to hold, if it is given what the members have said. */
function* claimsOf({ claims, tellings }: ClassicHistory): Generator<string> {
  for (const { memberId, generation, partitions } of tellings)
    for (const partition of partitions) {
      const claimed = claims.filter((each) => each.generation === generation && each.partitions.includes(partition));
      const [last, other] = claimed.sort((a, b) => b.since - a.since);
      if (last && last.memberId !== memberId && last.since !== other?.since)
        yield complaint('told what another holds', `${partition} in ${generation}: ${last.memberId} and ${memberId}`);
    }
}

/**
 * A group takes on the other protocol only when the members of the one before have left it, or may be dead. A member that was frozen
 * may take an old answer.
 */
function* protocolsOf({ tellings, beating, departures }: ClassicWorldHistory): Generator<string> {
  const isThere = ({ memberId }: Told, atMs: number) => atMs < (departures.get(memberId) ?? Number.POSITIVE_INFINITY);
  // At epoch 0 a member has not joined yet.
  for (const told of tellings.filter((each) => each.generation > 0 && isThere(each, each.atMs))) {
    const isBeating = beating.has(told.memberId);
    const other = tellings.find(
      (each) => beating.has(each.memberId) !== isBeating && each.atMs < told.atMs && isThere(each, told.atMs),
    );
    if (other) yield complaint('members of both protocols', `${told.memberId} was told beside ${other.memberId}`);
  }
}

function* termsOf(history: ClassicWorldHistory): Generator<string> {
  const last = new Map<string, TermSeen>();
  for (const term of history.terms) {
    const before = last.get(term.partition);
    last.set(term.partition, term);
    if (!before) continue;
    const { partition, owner, epoch } = term;
    if (epoch < before.epoch) yield complaint('term epoch fell', `${partition} from ${before.epoch} to ${epoch}`);
    const isInherited = isSameInstance(history, before.owner, owner);
    if (epoch === before.epoch && owner !== before.owner && !isInherited)
      yield complaint('term changed hands', `${partition} in ${epoch} from ${before.owner} to ${owner}`);
  }
}

/** A member that is told a partition finds its own term, or a later one, in the table. */
/** The next one of its instance may have taken the partition meanwhile. */
const wasOwner = ({ terms }: ClassicWorldHistory, { memberId, generation, atMs }: Told, partition: string): boolean =>
  terms.some(
    (term) => term.partition === partition && term.epoch === generation && term.owner === memberId && term.atMs <= atMs,
  );

function* fencesOf(history: ClassicWorldHistory): Generator<string> {
  const { tellings, terms } = history;
  for (const told of tellings)
    for (const partition of told.partitions) {
      const term = terms.findLast((each) => each.partition === partition && each.atMs <= told.atMs);
      const isLater = term !== undefined && term.epoch > told.generation;
      if (!wasOwner(history, told, partition) && !isLater)
        yield complaint('told before the fence', `${partition} in ${told.generation}: the term was ${term?.epoch}`);
    }
}

/** The owners of the partition after this member, in its generation. */
function successorsOf({ terms }: ClassicWorldHistory, { memberId, partition, generation }: ClassicCommitSeen) {
  const owners = terms.filter((term) => term.partition === partition && term.epoch === generation);
  const last = owners.findLastIndex(({ owner }) => owner === memberId);
  return new Set(owners.slice(last + 1).flatMap(({ owner }) => owner ?? []));
}

function* commitsOf(history: ClassicWorldHistory): Generator<string> {
  const { commits, tellings } = history;
  const accepted = commits.filter(({ result }) => result === 'accepted');
  for (const commit of accepted) {
    const isLater = ({ generation, partitions, atMs }: Told) =>
      generation > commit.generation && partitions.includes(commit.partition) && atMs < commit.begunMs;
    const successors = successorsOf(history, commit);
    const isSuccessor = ({ memberId, generation, atMs }: Told) =>
      generation === commit.generation && successors.has(memberId) && atMs < commit.begunMs;
    const later = tellings.find((told) => isLater(told) || isSuccessor(told));
    const { partition, generation, offset } = commit;
    if (later)
      yield complaint('commit after the fence', `${partition} ${offset} of ${generation} after ${later.generation}`);
  }
}

/** The offsets of a group go with it. */
function* offsetsOf({ looks, commits, removals }: ClassicWorldHistory): Generator<string> {
  const most = new Map<string, number>();
  let beforeMs = 0;
  for (const { atMs, committed } of looks) {
    const begun = removals.filter(({ begunMs }) => begunMs <= atMs);
    if (begun.some(({ endedMs }) => endedMs >= beforeMs)) most.clear();
    beforeMs = atMs;
    for (const [partition, offset] of committed) {
      const before = most.get(partition) ?? 0;
      if (offset < before) yield complaint('committed offset went back', `${partition} from ${before} to ${offset}`);
      most.set(partition, Math.max(before, offset));
    }
    for (const { partition, offset, begunMs, endedMs, result } of commits) {
      const mayBeGone = begun.some((removal) => begunMs <= removal.endedMs);
      if (result === 'accepted' && endedMs < atMs && !mayBeGone && (committed.get(partition) ?? -1) < offset)
        yield complaint('acknowledged commit lost', `${partition} ${offset}`);
    }
  }
}

function* rest({ atRest, generations }: ClassicWorldHistory): Generator<string> {
  if (new Set(generations).size > 1)
    yield complaint('no stable generation', `the members are in ${generations.join(', ')}`);
  for (const [partition, owners] of atRest)
    if (owners !== 1) yield complaint('not owned once at rest', `${partition} has ${owners} owners`);
}
