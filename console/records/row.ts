// A record as the console holds it, and the range of offsets that it is read from.
import type { BatchHeader } from '../../lib/record/batch-header.ts';
import type { ReadHeader } from '../../lib/record/read-records.ts';

export type Row = {
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly ReadHeader[];
  readonly batch: BatchHeader;
};

/** Half open. */
export type Range = { readonly partition: number; readonly from: number; readonly to: number };

export const rowId = ({ partition, offset }: Pick<Row, 'partition' | 'offset'>): string => `${partition}:${offset}`;

/**
 * Copies what a row keeps. Fetched keys and values are views of the whole answer, so a row that is kept alone would keep
 * megabytes.
 */
export function alone(row: Row): Row {
  const copy = (bytes: Buffer | null): Buffer | null => bytes && Buffer.from(bytes);
  const headers = row.headers.map(({ key, value }) => ({ key, value: copy(value) }));
  return { ...row, key: copy(row.key), value: copy(row.value), headers };
}
