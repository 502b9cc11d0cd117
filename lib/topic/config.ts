// Topic configurations, with Kafka's names, defaults and bounds. The names of our own begin with `rivulet.`. A configuration
// that Rivulet does not act on is kept, and a note says so. So a topic's definition can be brought over from Kafka as it is.
// https://kafka.apache.org/documentation/#topicconfigs

import { closest, distance } from 'fastest-levenshtein';
import { limits } from '../api/limits.ts';
import { refused } from '../api/refusal.ts';
import type { ConfigEntry } from '../api/topics.ts';

type Rule = {
  readonly fallback: string;
  /** Returns what was expected if a value is not valid, and undefined if it is. */
  readonly refuse: (value: string) => string | undefined;
  /** Says why the value changes nothing here. */
  readonly note?: string;
  /** The value is a list with commas: Kafka's clients may add to it and take away from it. */
  readonly isList?: boolean;
};

const maxLong = 2n ** 63n - 1n;

function integer(fallback: string, min: bigint, max: bigint = maxLong): Rule {
  const refuse = (value: string) => {
    const inRange = /^-?\d{1,19}$/.test(value) && BigInt(value) >= min && BigInt(value) <= max;
    return inRange ? undefined : `a whole number from ${min} to ${max}`;
  };
  return { fallback, refuse };
}

function oneOf(fallback: string, ...values: string[]): Rule {
  return { fallback, refuse: (value) => (values.includes(value) ? undefined : `one of ${values.join(', ')}`) };
}

function listOf(fallback: string, ...values: string[]): Rule {
  const refuse = (value: string) => {
    const parts = value.split(',').map((part) => part.trim());
    return parts.every((part) => values.includes(part)) ? undefined : `a list of ${values.join(', ')}`;
  };
  return { fallback, refuse, isList: true };
}

function fraction(fallback: string): Rule {
  const refuse = (value: string) => (/^(0(\.\d+)?|1(\.0+)?)$/.test(value) ? undefined : 'a number from 0 to 1');
  return { fallback, refuse };
}

const boolean = (fallback: string) => oneOf(fallback, 'true', 'false');
const anyList: Rule = { fallback: '', refuse: () => undefined, isList: true };
const noted = (rule: Rule, note: string): Rule => ({ ...rule, note });

const replicated = 'S3 and DynamoDB replicate every write across zones before it is acknowledged.';
const noLocalFiles = 'There are no segment files on a broker; segments are S3 objects.';
const noTiers = 'All data is in object storage from the start.';
const maxInt = 2n ** 31n - 1n;

const rules = {
  'cleanup.policy': listOf('delete', 'delete', 'compact'),
  'compression.gzip.level': noted(
    integer('-1', -1n, 9n),
    'Batches stay as their producer compressed them, or get the default level.',
  ),
  'compression.lz4.level': noted(
    integer('9', 1n, 17n),
    'Batches stay as their producer compressed them, or get the default level.',
  ),
  'compression.type': oneOf('producer', 'producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'),
  'compression.zstd.level': noted(
    integer('3', -131072n, 22n),
    'Batches stay as their producer compressed them, or get the default level.',
  ),
  'delete.retention.ms': integer('86400000', 0n),
  'file.delete.delay.ms': noted(integer('60000', 0n), noLocalFiles),
  'flush.messages': noted(integer(String(maxLong), 1n), 'Every write is durable before it is acknowledged.'),
  'flush.ms': noted(integer(String(maxLong), 0n), 'Every write is durable before it is acknowledged.'),
  'follower.replication.throttled.replicas': noted(anyList, replicated),
  'index.interval.bytes': noted(integer('4096', 0n, maxInt), noLocalFiles),
  'leader.replication.throttled.replicas': noted(anyList, replicated),
  'local.retention.bytes': noted(integer('-2', -2n), noTiers),
  'local.retention.ms': noted(integer('-2', -2n), noTiers),
  'max.compaction.lag.ms': integer(String(maxLong), 1n),
  'max.message.bytes': integer(String(limits.defaultMaxMessageBytes), 0n, BigInt(limits.maxMessageBytes)),
  'message.timestamp.after.max.ms': integer('3600000', 0n),
  'message.timestamp.before.max.ms': integer(String(maxLong), 0n),
  'message.timestamp.type': oneOf('CreateTime', 'CreateTime', 'LogAppendTime'),
  'min.cleanable.dirty.ratio': fraction('0.5'),
  'min.compaction.lag.ms': integer('0', 0n),
  'min.insync.replicas': noted(integer('1', 1n, maxInt), replicated),
  preallocate: noted(boolean('false'), noLocalFiles),
  'remote.log.copy.disable': noted(boolean('false'), noTiers),
  'remote.log.delete.on.disable': noted(boolean('false'), noTiers),
  'remote.storage.enable': noted(boolean('false'), noTiers),
  'retention.bytes': integer('-1', -1n),
  'retention.ms': integer('604800000', -1n),
  'rivulet.inline.max.bytes': integer('0', 0n, BigInt(limits.inlineBytes)),
  'segment.bytes': noted(integer('1073741824', 1048576n, maxInt), noLocalFiles),
  'segment.index.bytes': noted(integer('10485760', 4n, maxInt), noLocalFiles),
  'segment.jitter.ms': noted(integer('0', 0n), noLocalFiles),
  'segment.ms': noted(integer('604800000', 1n), noLocalFiles),
  'unclean.leader.election.enable': noted(boolean('false'), 'There are no leaders to elect.'),
} as const satisfies Record<string, Rule>;

export type ConfigName = keyof typeof rules;
export type ConfigOverrides = Readonly<Record<string, string>>;

/** Which records a topic keeps. To set one of them says that the records which it no longer keeps may go. */
const cleanupSettings: readonly ConfigName[] = [
  'cleanup.policy',
  'delete.retention.ms',
  'max.compaction.lag.ms',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'retention.bytes',
  'retention.ms',
];

export const setsCleanup = (changes: Readonly<Record<string, string | null>>): boolean =>
  cleanupSettings.some((name) => Object.hasOwn(changes, name));

export const isConfigName = (name: string): name is ConfigName => Object.hasOwn(rules, name);

/** Undefined for a name that this version does not know. */
export const defaultOf = (name: string): string | undefined => (isConfigName(name) ? rules[name].fallback : undefined);

export const isListConfig = (name: ConfigName): boolean => (rules[name] as Rule).isList === true;

/** Throws INVALID_CONFIG, which names the configuration, what was expected, and the value. null goes back to the default. */
function checkConfig(changes: Readonly<Record<string, string | null>>): void {
  for (const [name, value] of Object.entries(changes)) {
    if (!isConfigName(name)) throw unknownConfig(name);
    if (value === null) continue;
    if (value.length > limits.configValueLength)
      throw invalid(`${name}: expected at most ${limits.configValueLength} characters, got ${value.length}`);
    const reason = rules[name].refuse(value);
    if (reason) throw invalid(`${name}: expected ${reason}, got ${JSON.stringify(value.slice(0, 100))}`);
  }
}

const invalid = (detail: string) => refused('INVALID_CONFIG', detail);

const shownLength = 100;

/** The name that was probably meant is in the message: one that differs in less than a third of its characters. */
export function unknownConfig(name: string) {
  const shown = name.slice(0, shownLength);
  const near = closest(shown, Object.keys(rules));
  const hint = distance(shown, near) * 3 < near.length ? `: did you mean ${near}?` : '';
  return invalid(`config: expected the name of a topic configuration, got ${JSON.stringify(shown)}${hint}`);
}

/** Returns the value in force. */
export const configValue = (overrides: ConfigOverrides, name: ConfigName): string =>
  overrides[name] ?? rules[name].fallback;

/**
 * Returns the value in force as a number. The largest Kafka longs lose digits, which no comparison with a time or a
 * size notices.
 */
export const configNumber = (overrides: ConfigOverrides, name: ConfigName): number =>
  Number(configValue(overrides, name));

/** Returns every configuration, sorted by name. */
export function describeConfig(overrides: ConfigOverrides): ConfigEntry[] {
  return (Object.keys(rules) as ConfigName[]).map((name) => {
    const rule: Rule = rules[name];
    return {
      name,
      value: configValue(overrides, name),
      isDefault: overrides[name] === undefined,
      ...(rule.note !== undefined && { note: rule.note }),
    };
  });
}

/**
 * The overrides after these changes, of which null goes back to the default. Throws INVALID_CONFIG if a value is not
 * valid, or if two values contradict each other.
 */
export function withChanges(
  overrides: ConfigOverrides,
  changes: Readonly<Record<string, string | null>>,
): Record<string, string> {
  checkConfig(changes);
  const merged = { ...overrides, ...changes };
  const config = Object.fromEntries(
    Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== null),
  );
  // A topic of an older version may have values that contradict each other. It can still get more partitions.
  if (Object.keys(changes).length > 0) checkTogether(config);
  return config;
}

/** Kafka refuses this too. Its other pair, local.retention and retention, changes nothing here. */
function checkTogether(config: ConfigOverrides): void {
  const [min, max] = [configValue(config, 'min.compaction.lag.ms'), configValue(config, 'max.compaction.lag.ms')];
  if (BigInt(min) > BigInt(max))
    throw invalid(`min.compaction.lag.ms: expected at most max.compaction.lag.ms, which is ${max}, got ${min}`);
}
