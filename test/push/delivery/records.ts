// Records and batches for the tests of delivery.
import type { PushBatch, PushRecord } from '../../../lib/api/push.ts';

export const recordOf = (given: Partial<PushRecord> & { readonly text?: string } = {}): PushRecord => {
  const { text, ...record } = given;
  const value = text === undefined ? null : Buffer.from(text);
  return {
    offset: 0,
    timestampMs: 1_764_504_000_000,
    timestampType: 'CREATE_TIME',
    key: null,
    value,
    headers: [],
    ...record,
  };
};

export const batchOf = (records: readonly PushRecord[], given: Partial<PushBatch> = {}): PushBatch => ({
  groupId: 'billing',
  topic: 'orders',
  partition: 0,
  records,
  ...given,
});

/** A batch of records with these offsets. */
export const offsets = (...numbers: number[]): PushBatch =>
  batchOf(numbers.map((offset) => recordOf({ offset, text: `order ${offset}` })));
