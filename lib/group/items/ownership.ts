// The offsets items record, for each partition, which member owns it, since which epoch, and what is committed.
// Ownership is recorded here and nowhere else. A *term* is the triple (partition, owner, epoch). One conditional write
// begins it, and it never comes again: that write requires the exact term that was read, so that "read that it is over,
// then compare and set" is sound.
//
//   v version   n name of the topic   ttl of a deleted group only
//   and for each partition, with its last hexadecimal digit behind the letter:
//   w owner   a epoch of the term, never falls   o offset   t committed ms   c commitSeq   l leader epoch   m metadata
//
// A run of a subscription owns a partition under a name that begins with a colon, as no member's does. Then besides:
//   u lease until ms, 0: released   c number of the term's last write   m note of a failing batch
import { checkVersion, groupOffsetsKey, itemVersion, partitionsPerOffsetsItem } from '../../storage/keys.ts';
import {
  absent,
  all,
  any,
  atMost,
  below,
  type Condition,
  equals,
  type Item,
  type Key,
  type Scalar,
  type Value,
  type Write,
} from '../../storage/table.ts';
import type { Partitions } from '../partition-set.ts';
import { type Note, noteText, parseNote, type Window, windowText } from './failure-note.ts';

export type Ownership = {
  readonly owner: string | undefined;
  /** 0 means that no member ever owned the partition. */
  readonly term: number;
  readonly offset: number | undefined;
  readonly committedMs: number;
  readonly commitSeq: number | undefined;
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Only of a run: until then it has the partition. 0 means that it has released it. */
  readonly leaseUntilMs?: number;
  /** Only of a run: its batch has failed. */
  readonly note?: Note;
  /** Only of a run that has ended: its batch waits for more records. */
  readonly windowUntilMs?: number;
};

/** The name of a run's term: the id of its invocation, and chance, so that no two terms have one name. */
export const runOwner = (invocationId: string, random: string): string => `:${invocationId}${random}`;
export const isRun = (owner: string | undefined): owner is string => owner?.startsWith(':') ?? false;
export const isRunOf = (owner: string | undefined, invocationId: string): boolean =>
  owner?.startsWith(`:${invocationId}`) ?? false;

/** The clock may be wrong: a lease only saves repeated work. */
export const hasLiveLease = ({ leaseUntilMs = 0 }: Ownership, nowMs: number): boolean => leaseUntilMs > nowMs;

/** The last run has ended, and the lease keeps others away until the scheduled one comes. */
export const isWaiting = ({ leaseUntilMs, note, windowUntilMs }: Ownership): boolean =>
  leaseUntilMs !== undefined && leaseUntilMs === (note?.nextTryMs ?? windowUntilMs);

/** A run delivers the partition, or is about to. */
export const isAtWork = (ownership: Ownership, nowMs: number): boolean =>
  isRun(ownership.owner) && hasLiveLease(ownership, nowMs) && !isWaiting(ownership);

/** The partitions of a set that share one item. */
export type ItemPartitions = {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly number[];
};

export function byItem(set: Partitions): ItemPartitions[] {
  return set.flatMap(({ topic, topicId, partitions }) => {
    const groups = new Map<number, number[]>();
    for (const partition of partitions) {
      const index = Math.floor(partition / partitionsPerOffsetsItem);
      const list = groups.get(index);
      if (list) list.push(partition);
      else groups.set(index, [partition]);
    }
    return [...groups.values()].map((list) => ({ topic, topicId, partitions: list }));
  });
}

export const keyOfItem = (groupId: string, { topicId, partitions }: ItemPartitions): Key =>
  groupOffsetsKey(groupId, topicId, partitions[0]!);

const digit = (partition: number) => (partition % partitionsPerOffsetsItem).toString(16);
const path = (letter: 'w' | 'a' | 'o' | 't' | 'c' | 'l' | 'm' | 'u', partition: number) => letter + digit(partition);

/** A member id of 22 characters of base64url, as clients make them, takes 16 bytes. Any other id is kept as it is. */
function ownerValue(memberId: string): Scalar {
  const bytes = Buffer.from(memberId, 'base64url');
  return bytes.length === 16 && bytes.toString('base64url') === memberId ? new Uint8Array(bytes) : memberId;
}

const ownerName = (value: Value): string =>
  typeof value === 'string' ? value : Buffer.from(value as Uint8Array).toString('base64url');

export function ownershipOf(item: Item | undefined, partition: number): Ownership {
  const at = (letter: Parameters<typeof path>[0]) => item?.[path(letter, partition)];
  const stored = at('w');
  const owner = stored === undefined ? undefined : ownerName(stored);
  const text = (at('m') as string | undefined) ?? '';
  return {
    owner,
    term: (at('a') as number | undefined) ?? 0,
    offset: at('o') as number | undefined,
    committedMs: (at('t') as number | undefined) ?? -1,
    commitSeq: at('c') as number | undefined,
    leaderEpoch: (at('l') as number | undefined) ?? -1,
    ...(isRun(owner)
      ? { metadata: '', leaseUntilMs: (at('u') as number | undefined) ?? 0, ...(text && parseNote(text)) }
      : { metadata: text }),
  };
}

/** Returns every partition of an item that has anything stored. */
export function ownershipsOf(item: Item): { partition: number; ownership: Ownership }[] {
  checkVersion(item, 'offsets');
  const first = Number(item.sk.slice(item.sk.indexOf('/') + 1)) * partitionsPerOffsetsItem;
  return Array.from({ length: partitionsPerOffsetsItem }, (_, i) => first + i)
    .filter((partition) => ['w', 'a', 'o'].some((letter) => item[letter + digit(partition)] !== undefined))
    .map((partition) => ({ partition, ownership: ownershipOf(item, partition) }));
}

export const topicIdOf = (item: Item): string => item.sk.slice(0, item.sk.indexOf('/'));
export const topicNameOf = (item: Item): string => item.n as string;

// --- conditions and changes of one partition; the writes of an item are made of these

/** Requires that the ownership is in the very term that was read (or in none). */
export function inTerm(partition: number, { owner, term }: Ownership): Condition {
  const sameOwner =
    owner === undefined ? absent(path('w', partition)) : equals(path('w', partition), ownerValue(owner));
  return all(sameOwner, term === 0 ? absent(path('a', partition)) : equals(path('a', partition), term));
}

/** Requires that `memberId` has owned the partition since `epoch` or before. */
export const ownedSince = (partition: number, memberId: string, epoch: number): Condition =>
  all(equals(path('w', partition), ownerValue(memberId)), atMost(path('a', partition), epoch));

/** Requires that no commit of this member with this number or a later one was taken. */
export const commitIsNew = (partition: number, commitSeq: number): Condition =>
  any(absent(path('c', partition)), { test: 'below', path: path('c', partition), value: commitSeq });

/** Requires that the offset is the very one that was read. */
export const sameOffset = (partition: number, ownership: Ownership): Condition =>
  ownership.offset === undefined
    ? absent(path('o', partition))
    : all(equals(path('o', partition), ownership.offset), equals(path('t', partition), ownership.committedMs));

/** Requires that every ownership of the item is as it was read, including those that were empty. */
export const sameOwnerships = (item: Item): Condition => {
  const asRead = Array.from({ length: partitionsPerOffsetsItem }, (_, partition) => {
    const ownership = ownershipOf(item, partition);
    return [inTerm(partition, ownership), sameOffset(partition, ownership)];
  });
  return all(atMost('v', itemVersion), ...asRead.flat());
};

export type Change = { readonly set: readonly (readonly [string, Value])[]; readonly remove: readonly string[] };

/**
 * The number of the last commit stays while the owner is the same, because a member numbers its commits for its whole
 * life.
 */
export const beginTerm = (partition: number, memberId: string, epoch: number, before: Ownership): Change => ({
  set: [
    [path('w', partition), ownerValue(memberId)],
    [path('a', partition), epoch],
  ],
  remove: before.owner === memberId ? [] : [path('c', partition), ...traceOfRun(partition, before)],
});

const traceOfRun = (partition: number, { owner }: Ownership): string[] =>
  isRun(owner) ? [path('u', partition), path('m', partition)] : [];

export const endTerm = (partition: number): Change => ({ set: [], remove: [path('w', partition)] });

export type NewOffset = {
  readonly offset: number;
  readonly committedMs: number;
  readonly commitSeq?: number | undefined;
  readonly leaderEpoch?: number | undefined;
  readonly metadata?: string | undefined;
};

export function setOffset(partition: number, next: NewOffset): Change {
  const optional: readonly (readonly ['c' | 'l' | 'm', Value | undefined])[] = [
    ['c', next.commitSeq],
    ['l', next.leaderEpoch === -1 ? undefined : next.leaderEpoch],
    ['m', next.metadata === '' ? undefined : next.metadata],
  ];
  return {
    set: [
      [path('o', partition), next.offset],
      [path('t', partition), next.committedMs],
      ...optional.flatMap(([letter, value]) =>
        value === undefined ? [] : [[path(letter, partition), value] as const],
      ),
    ],
    remove: optional.flatMap(([letter, value]) => (value === undefined ? [path(letter, partition)] : [])),
  };
}

/**
 * Takes the owner away, and sets an epoch above those of earlier members, so that none of their commits can change the
 * partition any more.
 */
export const freeAt = (partition: number, epoch: number): Change => ({
  set: [[path('a', partition), epoch]],
  remove: [path('w', partition), path('u', partition)],
});

/** Requires that no generation from `generation` on has fenced the partition, and no operator's change came after it. */
export const notFencedSince = (partition: number, generation: number): Condition =>
  any(absent(path('a', partition)), below(path('a', partition), generation));

/**
 * Begins the term of a generation of the classic protocol: for its owner, or for no member. Commits of that protocol have
 * no number.
 */
export function fenceAt(partition: number, generation: number, owner: string | undefined): Change {
  const { set, remove } = freeAt(partition, generation);
  const unnumbered = path('c', partition);
  return owner === undefined
    ? { set, remove: [...remove, unnumbered] }
    : { set: [...set, [path('w', partition), ownerValue(owner)]], remove: [unnumbered] };
}

// --- runs of subscriptions

/** Requires that nothing has happened in the partition since it was read: the same term, lease and last write. */
export function asRunFound(partition: number, ownership: Ownership): Condition {
  const isSameTerm = inTerm(partition, ownership);
  const { owner, leaseUntilMs, commitSeq } = ownership;
  const isSameLease = isRun(owner) ? [equals(path('u', partition), leaseUntilMs!)] : [];
  const isSameWrite = commitSeq === undefined ? absent(path('c', partition)) : equals(path('c', partition), commitSeq);
  return all(isSameTerm, ...isSameLease, isSameWrite);
}

/** The epoch is left as it is: only a creation and a reset raise it. A partition without an offset begins at 0. */
export function beginRun(
  partition: number,
  owner: string,
  {
    leaseUntilMs,
    note,
    nowMs,
  }: { readonly leaseUntilMs: number; readonly note: Note | undefined; readonly nowMs: number },
  before: Ownership,
): Change {
  const start = before.offset === undefined ? setOffset(partition, { offset: 0, committedMs: nowMs }).set : [];
  return {
    set: [
      [path('w', partition), owner],
      [path('u', partition), leaseUntilMs],
      ...noteChange(partition, note).set,
      ...start,
    ],
    remove: [path('c', partition), ...noteChange(partition, note).remove],
  };
}

/** Requires that the run still has the partition, and that no later write of its term has been there. */
export function inRun(partition: number, owner: string, seq: number): Condition {
  const isOurs = equals(path('w', partition), owner);
  const isNew = commitIsNew(partition, seq);
  return all(isOurs, isNew);
}

/** A run writes this of its partition. Undefined leaves it as it is. */
export type RunChange = {
  readonly leaseUntilMs: number;
  readonly commit?: { readonly offset: number; readonly committedMs: number };
  readonly note?: Note | Window | 'none';
};

export function changeInRun(partition: number, seq: number, { leaseUntilMs, commit, note }: RunChange): Change {
  const noted = note === undefined ? unchanged : noteChange(partition, note === 'none' ? undefined : note);
  const numbers = [path('u', partition), path('c', partition)] as const;
  return {
    set: [
      [numbers[0], leaseUntilMs],
      [numbers[1], seq],
      ...noted.set,
      ...(commit
        ? [[path('o', partition), commit.offset] as const, [path('t', partition), commit.committedMs] as const]
        : []),
    ],
    remove: noted.remove,
  };
}

const unchanged: Change = { set: [], remove: [] };

function noteChange(partition: number, note: Note | Window | undefined): Change {
  if (note === undefined) return { set: [], remove: [path('m', partition)] };
  return { set: [[path('m', partition), 'windowUntilMs' in note ? windowText(note) : noteText(note)]], remove: [] };
}

export const clearOffset = (partition: number): Change => ({
  set: [],
  remove: (['o', 't', 'c', 'l', 'm'] as const).map((letter) => path(letter, partition)),
});

/** Returns one update of an item, with all of the conditions and all of the changes. */
export function updateOf(
  groupId: string,
  item: ItemPartitions,
  conditions: readonly Condition[],
  changes: readonly Change[],
) {
  return {
    kind: 'update',
    key: keyOfItem(groupId, item),
    update: {
      set: [['v', itemVersion] as const, ['n', item.topic] as const, ...changes.flatMap((change) => change.set)],
      // A write takes a buried item back into use.
      remove: ['ttl', ...changes.flatMap((change) => change.remove)],
    },
    if: all(...conditions),
  } as const;
}

/**
 * Leaves only this of an item whose group was deleted, for as long as a write can be on its way: terms that no member
 * was given. If the item were removed immediately, a delayed duplicate of a write that had found no item would find
 * none again, and would bring an old offset back.
 */
export function burialOf(item: Item, epoch: number, ttl: number): Write {
  const partitions = Array.from({ length: partitionsPerOffsetsItem }, (_, partition) => partition);
  const changes = partitions.flatMap((partition) => [freeAt(partition, epoch), clearOffset(partition)]);
  const remove = changes.flatMap((change) => change.remove).filter((name) => item[name] !== undefined);
  return {
    kind: 'update',
    key: { pk: item.pk, sk: item.sk },
    update: { set: [['ttl', ttl], ...changes.flatMap((change) => change.set)], ...(remove.length > 0 && { remove }) },
    if: sameOwnerships(item),
  };
}

export const isBuried = (item: Item): boolean => item.ttl !== undefined;
