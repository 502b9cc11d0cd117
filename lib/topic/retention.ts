// The rules of retention, without any reading or writing: which records have expired, whether anything may be removed
// from a topic yet, and when to look again.
import { type ConfigOverrides, configNumber, configValue } from './config.ts';
import type { Topic } from './topics.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Infinity stands where nothing expires. */
export type Retention = { readonly ms: number; readonly bytes: number };

export const noRetention: Retention = { ms: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

const hasPolicy = (overrides: ConfigOverrides, policy: 'delete' | 'compact'): boolean =>
  configValue(overrides, 'cleanup.policy')
    .split(',')
    .some((name) => name.trim() === policy);

export const isCompacted = (overrides: ConfigOverrides): boolean => hasPolicy(overrides, 'compact');
export const deletesRecords = (overrides: ConfigOverrides): boolean => hasPolicy(overrides, 'delete');

export function retentionOf(overrides: ConfigOverrides): Retention {
  if (!deletesRecords(overrides)) return noRetention;
  const limitOf = (name: 'retention.ms' | 'retention.bytes') => {
    const value = configNumber(overrides, name);
    return value < 0 ? Number.POSITIVE_INFINITY : value;
  };
  return { ms: limitOf('retention.ms'), bytes: limitOf('retention.bytes') };
}

/** A stretch of the log: its greatest timestamp, and the newest hour (since 1970) in which one of its records came in. */
export type Dated = { readonly maxTimestampMs: number; readonly newestEpoch: number };

/** The clocks of the processes that took the records may be this far apart. */
const clockSkewMs = 600_000;

/**
 * Returns when the records of a stretch expire. The time of their admission bounds what their producers claimed: unlike
 * in Kafka, a timestamp of the future holds nothing.
 */
export function expiryMs({ maxTimestampMs, newestEpoch }: Dated, retention: Retention): number {
  const admittedByMs = (newestEpoch + 1) * hourMs + clockSkewMs;
  return Math.min(maxTimestampMs, admittedByMs) + retention.ms;
}

/** Returns when retention has to look at a partition again; Infinity if nothing expires. */
export function nextRetentionMs(overrides: ConfigOverrides, lastMs: number): number {
  const { ms, bytes } = retentionOf(overrides);
  if (ms === Number.POSITIVE_INFINITY && bytes === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  return lastMs + Math.min(dayMs, Math.max(hourMs, ms / 10));
}

/** A topic that was made before there was retention keeps its records this long after maintenance began. */
export const graceMs = 7 * dayMs;

/**
 * Returns from when on retention and compaction may remove records of the topic. `begunMs`: when maintenance first ran on
 * this store; undefined if it never has.
 */
export function removableFromMs({ isRetentionConfirmed }: Topic, begunMs: number | undefined): number {
  if (isRetentionConfirmed) return 0;
  return begunMs === undefined ? Number.POSITIVE_INFINITY : begunMs + graceMs;
}

export const mayRemove = (topic: Topic, begunMs: number | undefined, nowMs: number): boolean =>
  nowMs >= removableFromMs(topic, begunMs);
