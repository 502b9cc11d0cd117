// The roster of a generation says what each of its members told about itself; the assignment says what each of them got.
// Both are opaque bytes for each member. They are immutable, in chunks under a name that was never used before, and stored
// before the head names them.
//
//   v version   n number of chunks   s bytes unpacked   b the chunk of: zstd of, for each member: length of its id varint,
//   id UTF-8, length varint, its bytes
import { refused } from '../../api/refusal.ts';
import { readVarint } from '../../bytes/unsigned-varint.ts';
import { compress, compressAside, decompress, decompressAside } from '../../record/compression.ts';
import { checkVersion, itemVersion, portionsKey } from '../../storage/keys.ts';
import { absent, type Table } from '../../storage/table.ts';
import { type GroupContext, randomName } from '../context.ts';
import { varints } from '../partition-set.ts';

/** The bytes of each member, by its id. */
export type Portions = ReadonlyMap<string, Uint8Array>;

/** An item has at most 400 KB. */
const chunkBytes = 350_000;
/** Unpacked; five hundred members of 100 KiB. */
const mostBytes = 50 * 1024 * 1024;
/** Fewer bytes than these are packed faster than a thread is reached. */
const asideBytes = 64 * 1024;

/** Returns the name. */
export async function writePortions(
  { table, clock }: GroupContext,
  groupId: string,
  at: { generation: number; kind: 'r' | 'a' },
  portions: Portions,
): Promise<string> {
  const bytes = encoded(groupId, portions);
  const packed = bytes.length < asideBytes ? compress('zstd', bytes) : await compressAside('zstd', bytes);
  const nonce = randomName(clock);
  const chunks = Math.ceil(packed.length / chunkBytes);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const key = portionsKey(groupId, at.generation, at.kind, nonce, chunk);
    const b = new Uint8Array(packed.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes));
    await table.write({
      kind: 'put',
      item: { ...key, v: itemVersion, n: chunks, s: bytes.length, b },
      if: absent('v'),
    });
  }
  return nonce;
}

function encoded(groupId: string, portions: Portions): Buffer {
  const parts = [...portions].flatMap(([memberId, bytes]) => {
    const id = Buffer.from(memberId);
    return [varints([id.length]), id, varints([bytes.length]), bytes];
  });
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  if (total > mostBytes)
    throw refused(
      'GROUP_MAX_SIZE_REACHED',
      `the members of group ${groupId} have ${total} bytes of metadata or assignments, above the limit of ${mostBytes}`,
    );
  return Buffer.concat(parts);
}

/** Undefined if a later generation has taken its place since the head was read. */
export async function readPortions(
  table: Table,
  groupId: string,
  at: { generation: number; kind: 'r' | 'a' },
  nonce: string,
): Promise<Portions | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let count = 1; chunks.length < count; ) {
    const key = portionsKey(groupId, at.generation, at.kind, nonce, chunks.length);
    const item = await table.get(key, { strong: true });
    if (!item) return undefined;
    checkVersion(item, 'roster or assignment');
    count = item.n as number;
    size = item.s as number;
    chunks.push(item.b as Uint8Array);
  }
  const packed = Buffer.concat(chunks);
  return decoded(size < asideBytes ? decompress('zstd', packed, size) : await decompressAside('zstd', packed, size));
}

function decoded(bytes: Uint8Array): Portions {
  const portions = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const id = readVarint(bytes, at);
    const length = readVarint(bytes, id.end + id.value);
    const end = length.end + length.value;
    portions.set(
      Buffer.from(bytes.subarray(id.end, id.end + id.value)).toString(),
      new Uint8Array(bytes.subarray(length.end, end)),
    );
    at = end;
  }
  return portions;
}
