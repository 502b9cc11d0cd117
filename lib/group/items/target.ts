// The target of an assignment epoch says which member is to own which partition. It is immutable, under a name that was
// never used before. The head says which target is installed.
//
//   v version   b for each member: length of its key varint, key UTF-8, length varint, its partitions (partition-set.ts)
import { type Outcome, RivuletError } from '../../api/errors.ts';
import type { TopicPartitions } from '../../api/groups.ts';
import { limits } from '../../api/limits.ts';
import { readVarint } from '../../bytes/unsigned-varint.ts';
import { checkVersion, itemVersion, targetKey } from '../../storage/keys.ts';
import type { Item, Table } from '../../storage/table.ts';
import { decodePartitions, encodePartitions, type Partitions, setOf, varints } from '../partition-set.ts';
import type { GroupHead } from './head.ts';

/** The partitions that each member is to own, by the members' keys (`targetKeyOf`). */
export type Target = ReadonlyMap<string, readonly TopicPartitions[]>;

/** The same, as it is stored. */
export type InstalledTarget = ReadonlyMap<string, Partitions>;

export function targetItem(groupId: string, epoch: number, nonce: string, target: Target): Item {
  const parts = encoded(target).flatMap(({ name, bytes }) => [
    varints([name.length]),
    name,
    varints([bytes.length]),
    bytes,
  ]);
  return { ...targetKey(groupId, epoch, nonce), v: itemVersion, b: new Uint8Array(Buffer.concat(parts)) };
}

const encoded = (target: Target) =>
  [...target].map(([key, list]) => ({ name: Buffer.from(key), bytes: encodePartitions(setOf(list)) }));

/**
 * A target is one item, and so is each member with what it owns, so both are bounded. With `range` a target grows with
 * members times topics.
 */
export function checkTargetFits(groupId: string, target: Target, outcome: Outcome): void {
  const members = encoded(target);
  const most = Math.max(0, ...members.map(({ bytes }) => bytes.length));
  if (most > limits.memberTargetBytes)
    throw tooLarge(
      `a member of group ${groupId} would own partitions that take ${most} bytes to list, above the limit of ${limits.memberTargetBytes}`,
      outcome,
    );
  const total = members.reduce((sum, { name, bytes }) => sum + name.length + bytes.length + lengthsBytes, 0);
  if (total > limits.targetBytes)
    throw tooLarge(
      `the assignment of group ${groupId} to ${members.length} members would take ${total} bytes, above the limit of ${limits.targetBytes}`,
      outcome,
    );
}

/** The most bytes that the two varints of a member take. */
const lengthsBytes = 5;

const tooLarge = (what: string, outcome: Outcome) =>
  new RivuletError(
    'GROUP_MAX_SIZE_REACHED',
    `${what}: subscribe to fewer topics, or share them out over several groups`,
    { outcome },
  );

/** Undefined if another target has taken its place since the head was read. */
export async function readTarget(table: Table, groupId: string, head: GroupHead): Promise<InstalledTarget | undefined> {
  if (head.nonce === undefined) return new Map();
  const item = await table.get(targetKey(groupId, head.assignmentEpoch, head.nonce), { strong: true });
  return item && parseTarget(item);
}

function parseTarget(item: Item): InstalledTarget {
  checkVersion(item, 'target');
  const bytes = item.b as Uint8Array;
  const target = new Map<string, Partitions>();
  for (let at = 0; at < bytes.length; ) {
    const key = slice(bytes, at);
    const list = slice(bytes, key.end);
    target.set(Buffer.from(key.bytes).toString(), decodePartitions(list.bytes));
    at = list.end;
  }
  return target;
}

function slice(bytes: Uint8Array, at: number): { bytes: Uint8Array; end: number } {
  const length = readVarint(bytes, at);
  const end = length.end + length.value;
  return { bytes: bytes.subarray(length.end, end), end };
}
