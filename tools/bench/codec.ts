// Measures how fast one core checks, encodes and decodes batches of 1,000 records with 1 KiB of English-like text. It takes
// about 3 s.
import { crc32c } from '../../lib/bytes/crc32c.ts';
import { decodeBatch, encodeBatch, type RecordInput } from '../../lib/record/batch.ts';
import { compressions } from '../../lib/record/compression.ts';
import { cpuMs } from './statistics.ts';

export type Row = { readonly name: string; readonly value: number; readonly unit: string };

const recordBytes = 1024;
const recordCount = 1000;
const megabyte = 1e6;
/** The first runs are slow while V8 compiles. */
const warmupMs = 80;
const measuredMs = 160;
const words = ['alpha', 'beta', 'gamma', 'delta', 'stream', 'offset', 'broker', 'log'];

export async function benchCodec(): Promise<Row[]> {
  const block = new Uint8Array(2 ** 20).map((_, i) => i * 31);
  const crc = runsPerSecond(() => crc32c(block));
  const rows: Row[] = [{ name: 'CRC-32C', value: Math.round((crc * block.length) / megabyte), unit: 'MB/s' }];
  const records = someRecords();
  for (const compression of compressions) {
    const batch = encodeBatch(records, { compression });
    rows.push(...ratesOf(`encode, ${compression}`, () => encodeBatch(records, { compression })));
    rows.push(...ratesOf(`decode, ${compression}`, () => decodeBatch(batch)));
    // Other work of the process may run between two measurements.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rows;
}

function ratesOf(name: string, run: () => unknown): Row[] {
  const recordsPerSecond = runsPerSecond(run) * recordCount;
  return [
    { name, value: Math.round(recordsPerSecond), unit: 'records/s' },
    { name, value: Math.round((recordsPerSecond * recordBytes) / megabyte), unit: 'MB/s' },
  ];
}

function runsPerSecond(run: () => unknown): number {
  repeatFor(warmupMs, run);
  const { runs, spentMs } = repeatFor(measuredMs, run);
  return (runs * 1000) / spentMs;
}

/** Measures processor time, so that the load of other processes on the machine does not count. */
function repeatFor(durationMs: number, run: () => unknown): { runs: number; spentMs: number } {
  const began = cpuMs();
  let runs = 0;
  let spentMs = 0;
  for (; spentMs < durationMs; spentMs = cpuMs() - began) {
    run();
    runs++;
  }
  return { runs, spentMs };
}

/** Returns the same records each time, because a linear congruential generator chooses the words. */
function someRecords(): RecordInput[] {
  let state = 1;
  const word = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return words[state >>> 29]!;
  };
  const text = () =>
    Array.from({ length: recordBytes / 4 }, word)
      .join(' ')
      .slice(0, recordBytes);
  return Array.from({ length: recordCount }, (_, i) => ({
    key: null,
    value: Buffer.from(text()),
    headers: [],
    timestampMs: 1_700_000_000_000 + i,
  }));
}
