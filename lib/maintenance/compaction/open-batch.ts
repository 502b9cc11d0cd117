// Maintenance unpacks batches as requests do: beside the event loop if they are large, with pauses, and a few at a time.
import { limits } from '../../api/limits.ts';
import type { OpenBatch } from '../../record/batch.ts';
import { CorruptBatchError } from '../../record/corrupt-batch-error.ts';
import { type UnpackBudget, withOpenBatch } from '../../record/unpack.ts';

/**
 * Calls `use`, which may throw CorruptBatchError. The result is undefined if the batch cannot be unpacked, because its
 * producer wrote it so. The caller has checked the CRC. Each batch has the budget of a whole request, which is enough.
 */
export async function whileOpen<T>(
  bytes: Uint8Array,
  budget: UnpackBudget,
  use: (batch: OpenBatch) => Promise<T>,
): Promise<T | undefined> {
  budget.leftBytes = limits.unpackedBytes;
  try {
    const result = await withOpenBatch(bytes, budget, use);
    return result === 'spent' ? undefined : result;
  } catch (error) {
    if (error instanceof CorruptBatchError) return undefined;
    throw error;
  }
}
