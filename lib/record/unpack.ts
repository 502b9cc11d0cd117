// How a server looks into batches. What is small on the wire may be 64 MiB, or millions of records: so each request has a
// budget, what is large is unpacked beside the event loop, and only few of that size are in memory at a time.
// docs/adr/0013 says why in steps and on Node's threads rather than in workers of our own.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { createGate, type Gate } from '../runtime/concurrency.ts';
import { type OpenBatch, openBatch, openBatchAside, recompressBatch } from './batch.ts';
import { readBatchHeader } from './batch-header.ts';
import type { Compression } from './compression.ts';
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { createPace, type Pace } from './steps.ts';

/**
 * Of one request. Its large batches take turns, so that each finds what the ones before have left. Once its client has left,
 * it is spent.
 */
export type UnpackBudget = {
  leftBytes: number;
  readonly turns: Gate;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
};

export const newUnpackBudget = (signal?: AbortSignal): UnpackBudget => ({
  signal,
  leftBytes: limits.unpackedBytes,
  turns: createGate(1),
  pace: createPace(),
});

/** Unpacked where it stands: at most some milliseconds. */
const smallBytes = 1024 * 1024;
/** What the slowest of our decoders takes, in units of the pace. */
const bytesPerUnit = 20;
const unitsPerBatch = 30;
/** Each takes up to twice `uncompressedBatchBytes` while it is put together. */
const large = createGate(2, (waiting) => {
  if (waiting < limits.waitingUnpacks) return;
  const detail = `${waiting} requests wait to unpack a large batch already (waitingUnpacks): come back later`;
  throw new RivuletError('THROTTLED', detail);
});

/**
 * `use` reads the batch, with pauses if it likes. 'spent': what is left of the budget does not hold the batch, which may be
 * sound; or its client has left. Throws CorruptBatchError, and RivuletError THROTTLED.
 */
export async function withOpenBatch<T>(
  bytes: Uint8Array,
  budget: UnpackBudget,
  use: (batch: OpenBatch) => Promise<T>,
): Promise<T | 'spent'> {
  if (budget.leftBytes <= 0 || budget.signal?.aborted) return 'spent';
  const small = openSmall(bytes, budget);
  if (budget.pace.isDue(unitsPerBatch + (bytes.length + (small?.unpackedBytes ?? smallBytes)) / bytesPerUnit))
    await budget.pace.rest();
  if (small) return use(small);
  try {
    return await budget.turns.run(() => large.run(() => useLarge(bytes, budget, use), budget.signal));
  } catch (error) {
    if (budget.signal?.aborted) return 'spent';
    throw error;
  }
}

/** Undefined: it is a large one, or nothing. */
function openSmall(bytes: Uint8Array, budget: UnpackBudget): OpenBatch | undefined {
  const isPacked = readBatchHeader(bytes).compression !== 'none';
  const most = isPacked ? Math.min(smallBytes, budget.leftBytes) : bytes.length;
  let spentBytes = most;
  try {
    const batch = openBatch(bytes, 0, { maxUncompressedBytes: most });
    spentBytes = batch.unpackedBytes;
    return batch;
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    spentBytes = 0;
    return undefined;
  } finally {
    budget.leftBytes -= spentBytes;
  }
}

/**
 * The batch at `at`, packed by another codec. Throws CorruptBatchError: 'too-large' also when the budget is spent; and
 * RivuletError THROTTLED.
 */
export async function repacked(
  bytes: Uint8Array,
  at: number,
  codec: Compression,
  maxBytes: number,
  budget: UnpackBudget,
): Promise<Uint8Array> {
  const most = codec === 'none' ? Math.min(maxBytes, budget.leftBytes) : budget.leftBytes;
  const { batch, unpackedBytes } =
    (await repackedSmall(bytes, at, codec, most, budget)) ??
    (await large.run(() => spending(budget, most, () => recompressBatch(bytes, at, codec, most)), budget.signal));
  if (budget.pace.isDue(unitsPerBatch + unpackedBytes / bytesPerUnit)) await budget.pace.rest();
  return batch;
}

/** Undefined: it is a large one. Then nothing is spent. */
async function repackedSmall(bytes: Uint8Array, at: number, codec: Compression, most: number, budget: UnpackBudget) {
  const least = Math.min(most, smallBytes);
  try {
    const result = await recompressBatch(bytes, at, codec, least);
    budget.leftBytes -= result.unpackedBytes;
    return result;
  } catch (error) {
    if (least < most && isTooLarge(error)) return undefined;
    budget.leftBytes -= least;
    throw error;
  }
}

/** What fails has cost as much as it might have. */
async function spending<T extends { readonly unpackedBytes: number }>(
  budget: UnpackBudget,
  most: number,
  unpack: () => Promise<T>,
): Promise<T> {
  let spentBytes = most;
  try {
    const result = await unpack();
    spentBytes = result.unpackedBytes;
    return result;
  } finally {
    budget.leftBytes -= spentBytes;
  }
}

async function useLarge<T>(
  bytes: Uint8Array,
  budget: UnpackBudget,
  use: (batch: OpenBatch) => Promise<T>,
): Promise<T | 'spent'> {
  const most = Math.min(limits.uncompressedBatchBytes, budget.leftBytes);
  if (most <= 0) return 'spent';
  try {
    const open = () => openBatchAside(bytes, 0, { maxUncompressedBytes: most, signal: budget.signal });
    return await use(await spending(budget, most, open));
  } catch (error) {
    if (isTooLarge(error) && most < limits.uncompressedBatchBytes) return 'spent';
    throw error;
  }
}

const isTooLarge = (error: unknown): boolean => error instanceof CorruptBatchError && error.reason === 'too-large';
