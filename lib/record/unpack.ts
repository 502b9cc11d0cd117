// This file is how a server looks into batches. A batch that is small on the wire may be 64 MiB, or millions of records. So
// each request has a budget, large batches are unpacked beside the event loop, and only a few of that size are in memory at
// a time. docs/adr/0013 says why this runs in steps and on Node's threads rather than in workers of our own.

import { RivuletError } from '../api/errors.ts';
import { limits } from '../api/limits.ts';
import { createGate, type Gate } from '../runtime/concurrency.ts';
import { type OpenBatch, openBatch, openBatchAside, recompressBatch } from './batch.ts';
import { readBatchHeader } from './batch-header.ts';
import type { Compression } from './compression.ts';
import { CorruptBatchError } from './corrupt-batch-error.ts';
import { createPace, type Pace } from './steps.ts';

/**
 * This is the budget of one request. The request's large batches take turns, so that each finds what the earlier ones
 * have left. The budget is spent once the request's client has left.
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

/** A batch of up to this size is unpacked in place, which takes at most some milliseconds. */
const smallBytes = 1024 * 1024;
/** This is the cost of the slowest of our decoders, in units of the pace. */
const bytesPerUnit = 20;
const unitsPerBatch = 30;
/** Each large batch takes up to twice `uncompressedBatchBytes` while it is put together. */
const large = createGate(2, (waiting) => {
  if (waiting < limits.waitingUnpacks) return;
  const detail = `${waiting} requests wait to unpack a large batch already (waitingUnpacks): come back later`;
  throw new RivuletError('THROTTLED', detail);
});

/**
 * Calls `use`, which reads the batch, with pauses if it likes. The result is 'spent' if the rest of the budget does not
 * hold the batch, which may be sound. It is also 'spent' if the client has left. The function throws CorruptBatchError,
 * and RivuletError THROTTLED.
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

/** Returns undefined if the batch is large, or does not fit what is left of the budget. */
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
 * Returns the batch at `at`, compressed by another codec. It throws CorruptBatchError ('too-large' also when the budget
 * is spent) and RivuletError THROTTLED.
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

/** Returns undefined if the batch is large. Nothing of the budget is spent then. */
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

/** Unpacking that fails costs as much of the budget as it might have taken. */
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
