// This is the checker of groups. It has a name for everything that must never be seen.
import type { Commit, GroupHistory, Telling } from './history.ts';

export type GroupAnomalyName =
  | 'two owners in one generation'
  | 'member epoch fell'
  | 'commit after the partition was lost'
  | 'committed offset went back'
  | 'acknowledged commit lost'
  | 'skipped'
  | 'read by two'
  | 'term epoch fell'
  | 'term came again'
  | 'no progress at rest'
  | 'unowned for too long'
  | 'unowned at rest'
  | 'owned twice at rest';

export type GroupAnomaly = { readonly name: GroupAnomalyName; readonly detail: string };

export function checkGroup(history: GroupHistory): GroupAnomaly[] {
  return [
    ...checkMembership(history),
    ...backwards(history),
    ...skipped(history),
    ...unownedForTooLong(history),
    ...atRest(history),
    ...progress(history),
  ];
}

/** These rules also hold where other clients reset, delete and commit. */
export function checkMembership(history: GroupHistory): GroupAnomaly[] {
  return [
    ...twoOwners(history),
    ...fallenEpochs(history),
    ...lateCommits(history),
    ...(history.keepsLeases ? readByTwo(history) : []),
    ...terms(history),
  ];
}

/** The successor of a static member inherits at the same epoch, so it is not a second owner. */
function twoOwners({ tellings }: GroupHistory): GroupAnomaly[] {
  const first = new Map<string, Telling>();
  const found: GroupAnomaly[] = [];
  for (const telling of tellings) {
    for (const partition of telling.partitions) {
      const key = `${telling.epoch} ${partition}`;
      const other = first.get(key);
      first.set(key, telling);
      if (!other || other.member === telling.member) continue;
      if (other.instance !== undefined && other.instance === telling.instance) continue;
      found.push({
        name: 'two owners in one generation',
        detail: `${partition} at epoch ${telling.epoch}: ${other.member} at ${other.atMs}, ${telling.member} at ${telling.atMs}`,
      });
    }
  }
  return found;
}

/**
 * A member's epoch must not fall, except when the member joins again: then it begins at 0 and ends above its last one.
 */
function fallenEpochs({ tellings }: GroupHistory): GroupAnomaly[] {
  const last = new Map<string, number>();
  const found: GroupAnomaly[] = [];
  for (const { member, epoch, atMs } of tellings) {
    const before = last.get(member) ?? 0;
    if (epoch !== 0 && epoch < before)
      found.push({ name: 'member epoch fell', detail: `${member} from ${before} to ${epoch} at ${atMs}` });
    if (epoch !== 0) last.set(member, epoch);
  }
  return found;
}

/**
 * Before the commit began, another member was assigned the partition at this epoch or a later one, and the committer
 * was not assigned it again since.
 */
function lateCommits({ tellings, commits }: GroupHistory): GroupAnomaly[] {
  const byPartition = tellingsByPartition(tellings);
  return commits
    .filter(({ result }) => result === 'accepted')
    .flatMap((commit) => {
      const before = (byPartition.get(commit.partition) ?? []).filter(({ atMs }) => atMs < commit.begunMs);
      const own = before.findLastIndex(({ member }) => member === commit.member);
      const thief = before
        .slice(own + 1)
        .find(({ member, epoch }) => member !== commit.member && epoch >= commit.epoch);
      return thief
        ? [
            {
              name: 'commit after the partition was lost' as const,
              detail: `${describe(commit)}: ${thief.member} was told at ${thief.atMs}, epoch ${thief.epoch}`,
            },
          ]
        : [];
    });
}

const describe = ({ member, partition, offset, epoch, begunMs }: Commit) =>
  `${member} committed ${offset} of ${partition} at epoch ${epoch}, begun ${begunMs}`;

function tellingsByPartition(tellings: readonly Telling[]): Map<string, Telling[]> {
  const byPartition = new Map<string, Telling[]>();
  for (const telling of tellings) {
    for (const partition of telling.partitions) {
      const list = byPartition.get(partition);
      if (list) list.push(telling);
      else byPartition.set(partition, [telling]);
    }
  }
  return byPartition;
}

/** Members only ever commit forwards, and begin where the last commit was, so the committed offset never goes back. */
function backwards({ looks, commits }: GroupHistory): GroupAnomaly[] {
  const found: GroupAnomaly[] = [];
  const last = new Map<string, number>();
  const acknowledged = commits.filter(({ result }) => result === 'accepted').sort((a, b) => a.endedMs - b.endedMs);
  let next = 0;
  const floor = new Map<string, Commit>();
  for (const { atMs, committed } of looks) {
    for (; next < acknowledged.length && acknowledged[next]!.endedMs < atMs; next++) {
      const commit = acknowledged[next]!;
      if ((floor.get(commit.partition)?.offset ?? -1) < commit.offset) floor.set(commit.partition, commit);
    }
    for (const [partition, offset] of committed) {
      if (offset < (last.get(partition) ?? -1))
        found.push({
          name: 'committed offset went back',
          detail: `${partition} from ${last.get(partition)} to ${offset} at ${atMs}`,
        });
      last.set(partition, offset);
    }
    for (const [partition, commit] of floor)
      if ((committed.get(partition) ?? -1) < commit.offset)
        found.push({
          name: 'acknowledged commit lost',
          detail: `${describe(commit)}; at ${atMs} it is ${committed.get(partition)}`,
        });
  }
  return found;
}

/** Members commit after they processed, so everything below the committed offset was delivered to some member. */
function skipped({ looks, deliveries }: GroupHistory): GroupAnomaly[] {
  const delivered = new Set(deliveries.map(({ partition, offset }) => `${partition} ${offset}`));
  return [...(looks.at(-1)?.committed ?? [])].flatMap(([partition, committed]) => {
    const missing = Array.from({ length: Math.max(0, committed) }, (_, offset) => offset).find(
      (offset) => !delivered.has(`${partition} ${offset}`),
    );
    return missing === undefined
      ? []
      : [{ name: 'skipped' as const, detail: `${missing} of ${partition}, committed ${committed}` }];
  });
}

function readByTwo({ tellings, deliveries }: GroupHistory): GroupAnomaly[] {
  const byPartition = tellingsByPartition(tellings);
  return deliveries.flatMap(({ member, partition, offset, atMs }) => {
    const before = (byPartition.get(partition) ?? []).filter((telling) => telling.atMs < atMs);
    const owner = before.at(-1);
    return owner && owner.member !== member
      ? [
          {
            name: 'read by two' as const,
            detail: `${member} read ${offset} of ${partition} at ${atMs}; ${owner.member} was told at ${owner.atMs}`,
          },
        ]
      : [];
  });
}

/** The longest time without an owner counts between two troubles, while nothing new went wrong. */
function unownedForTooLong({ unowned, troublesMs, mostUnownedMs }: GroupHistory): GroupAnomaly[] {
  return unowned.flatMap(({ partition, fromMs, toMs }) => {
    const within = troublesMs.filter((atMs) => atMs > fromMs && atMs < toMs).sort((a, b) => a - b);
    const ends = [fromMs, ...within, toMs];
    const longestMs = Math.max(...ends.slice(1).map((atMs, i) => atMs - ends[i]!));
    if (longestMs <= mostUnownedMs) return [];
    const detail = `${partition} from ${fromMs} to ${toMs}, ${longestMs} ms of it without anything new`;
    return [{ name: 'unowned for too long' as const, detail }];
  });
}

function atRest({ atRest }: GroupHistory): GroupAnomaly[] {
  return [...atRest].flatMap(([partition, owners]) => {
    if (owners.length === 1) return [];
    const name = owners.length === 0 ? ('unowned at rest' as const) : ('owned twice at rest' as const);
    return [{ name, detail: `${partition}: ${owners.join(', ') || 'nobody'}` }];
  });
}

/** A member that owns a partition at rest must read and commit it. */
function progress({ atRest, commits, restMs }: GroupHistory): GroupAnomaly[] {
  const moved = new Set(
    commits
      .filter(({ result, begunMs }) => result === 'accepted' && begunMs >= restMs)
      .map(({ partition }) => partition),
  );
  return [...atRest.keys()]
    .filter((partition) => !moved.has(partition))
    .map((partition) => ({ name: 'no progress at rest', detail: partition }));
}

/** The epochs of a partition never fall, and a term that is over never comes again. */
function terms({ terms }: GroupHistory): GroupAnomaly[] {
  const found: GroupAnomaly[] = [];
  const over = new Map<string, Set<string>>();
  const last = new Map<string, { owner: string | undefined; epoch: number }>();
  for (const { partition, owner, epoch, isGone, atMs } of terms) {
    const before = last.get(partition);
    const past = over.get(partition) ?? new Set();
    over.set(partition, past);
    if (before && epoch < before.epoch && !isGone)
      found.push({ name: 'term epoch fell', detail: `${partition} from ${before.epoch} to ${epoch} at ${atMs}` });
    if (before?.owner !== undefined) past.add(`${before.owner} ${before.epoch}`);
    if (owner !== undefined && past.has(`${owner} ${epoch}`) && !(before?.owner === owner && before.epoch === epoch))
      found.push({ name: 'term came again', detail: `${partition}: ${owner} at ${epoch}, at ${atMs}` });
    last.set(partition, { owner, epoch });
  }
  return found;
}
