// These are the anomalies that the checker can find. Each name has a history in check.test.ts or
// removal.test.ts that is caught under exactly this name.
import type { PlacedRecord, Send } from '../history.ts';

export const anomalyNames = [
  // One write alone
  'lost acknowledged write',
  'duplicate from an idempotent producer',
  'unexplained duplicate',
  'torn batch',
  'a record that nobody wrote',
  'not-written was written',
  'written was not written',
  'offset withheld',
  'expected offset missed',
  'unknown without a cause',
  'refused without a cause',
  'a gap is reported too early',
  'acknowledged after the deletion',
  // The order of several writes
  'hole',
  'an offset acknowledged for two records',
  'one write acknowledged at two offsets',
  'reordered within a producer',
  'a predecessor is missing',
  'written by a fenced epoch',
  'reordered in real time',
  // Reads
  'read what is not in the log',
  'read a hole',
  'read nothing of what there is',
  'acknowledged but not readable',
  'read goes back',
  'read after the deletion',
] as const;

/** These come only where records are removed. Their histories are in removal.test.ts. */
export const removalAnomalyNames = [
  'gone before its time',
  'served after it was removed',
  'last record of a key missing',
  'value resurrected',
  'log start went back',
  'damage in a sound log',
] as const;

/** An observer finds these in the stores, when everything has come to rest (orphans.ts, index-rules.ts, observer.ts). */
export const storeAnomalyNames = [
  'index names a missing object',
  'index with a gap',
  'index out of order',
  'a row without its batch',
  'a number fell',
  'not to be swept',
  'named after the sweep',
  'left after a sweep',
] as const;

export type AnomalyName =
  | (typeof anomalyNames)[number]
  | (typeof removalAnomalyNames)[number]
  | (typeof storeAnomalyNames)[number];
export type Anomaly = { readonly name: AnomalyName; readonly detail: string };
export type StoreAnomaly = { readonly name: (typeof storeAnomalyNames)[number]; readonly detail: string };

/** The records of a partition after everything came to rest. */
export type Log = readonly PlacedRecord[];

export const ofSend = (name: AnomalyName, send: Send, detail: string): Anomaly => ({
  name,
  detail: `${send.client} ${send.values[0]}: ${detail}`,
});
