// Producer ids. The ids of idempotent producers come from one counter, so that a head can tell by one number (x) that
// it has never seen an id. The ids of an Idempotency-Key are hashes, in a range of their own above every counted id.
import { RivuletError } from '../api/errors.ts';
import { producerIdsKey } from '../storage/keys.ts';
import type { Table } from '../storage/table.ts';

/** Counted ids lie below this. Transactional ids have numbers (xids) in [2^51, 2^52), which clients never see. */
export const firstTransactionalId = 2 ** 51;
/** The hashed ids of an Idempotency-Key lie in [2^52, 2^53). */
const firstHashedId = 2 ** 52;

/**
 * Takes a producer id that no other producer has or will have. A lost reply merely skips some ids. It costs 1 write
 * unit.
 */
export async function newProducerId(table: Table): Promise<number> {
  const result = await table.write({ kind: 'update', key: producerIdsKey, update: { add: [['n', 1]] } });
  if (!result.applied || !result.item)
    throw new RivuletError('STORAGE_UNAVAILABLE', 'the table did not give a producer id: try again');
  return result.item.n as number;
}

/**
 * The one-shot producer of an Idempotency-Key has 52 bits of id and 15 bits of epoch from a SHA-256. Two keys
 * practically never meet in both, and the epoch tells apart two keys that meet in the id alone.
 */
export function hashedProducer(digest: Uint8Array): { producerId: number; epoch: number } {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  const low52 = Number(view.getBigUint64(0) >> 12n);
  return { producerId: firstHashedId + low52, epoch: view.getUint16(8) & 0x7fff };
}
