// Where `rivulet consume` begins and ends in each partition. The notation of --offset is kcat's.
//
// Invariant: offsets are looked up once, before the first record. So a wrong topic or partition fails immediately, and
// "latest" means now.
import { InvalidArgumentError } from 'commander';
import type { Admin } from '../client/admin/admin.ts';
import { plural } from './output.ts';
import { isoTime } from './times.ts';

/** `last` counts back from the end of the partition. `from` and `to` are times in epoch milliseconds. */
export type Bounds = {
  readonly begin?:
    | 'earliest'
    | 'latest'
    | { readonly offset: number }
    | { readonly last: number }
    | { readonly from: number };
  /** The first time that is not read any more. */
  readonly to?: number;
};

export type RangeOptions = {
  readonly bounds?: Bounds;
  readonly partitions?: readonly number[];
  readonly untilLatest?: boolean;
};

/** Half open: the record at `end` is not read. Without an end, reading goes on until it is stopped. */
export type PartitionRange = { readonly partition: number; readonly begin: number; readonly end?: number };

/** Parses one --offset, and adds it to those before: one may say where to begin, and one where to end. */
export function addBound(text: string, before: Bounds = {}): Bounds {
  const bound = parseBound(text);
  const [field] = Object.keys(bound);
  if (before[field as keyof Bounds] !== undefined)
    throw new InvalidArgumentError(`${field === 'to' ? 'The end' : 'The beginning'} is given already.`);
  return { ...before, ...bound };
}

const synonyms: Readonly<Record<string, 'earliest' | 'latest'>> = {
  ...{ earliest: 'earliest', beginning: 'earliest' },
  ...{ latest: 'latest', end: 'latest' },
};

function parseBound(text: string): Bounds {
  if (Object.hasOwn(synonyms, text)) return { begin: synonyms[text]! };
  if (text.startsWith('s@')) return { begin: { from: isoTime(text.slice(2)) } };
  if (text.startsWith('e@')) return { to: isoTime(text.slice(2)) };
  const [, minus, digits] = /^(-?)(\d{1,16})$/.exec(text) ?? [];
  const count = digits === undefined ? Number.NaN : Number(digits);
  if (Number.isSafeInteger(count)) return { begin: minus ? { last: count } : { offset: count } };
  if (text === 'stored')
    throw new InvalidArgumentError('Offsets are stored for groups: give --group, which begins there by itself.');
  throw new InvalidArgumentError(
    `It must be earliest, latest, an offset up to ${Number.MAX_SAFE_INTEGER}, -N for the last N records, or s@TIME or e@TIME.`,
  );
}

/** Looks the ranges up. Throws if the topic or a partition is missing, or an offset is not in its partition. */
export async function rangesOf(admin: Admin, topic: string, options: RangeOptions): Promise<PartitionRange[]> {
  const { bounds: { begin = 'latest', to } = {}, partitions, untilLatest = false } = options;
  const all = await admin.fetchTopicOffsets(topic);
  const missing = partitions?.find((one) => one >= all.length);
  if (missing !== undefined)
    throw new Error(
      `--partition: expected one of the ${plural(all.length, 'partition')} of topic ${topic}, got ${missing}`,
    );
  const from = typeof begin === 'object' && 'from' in begin ? await offsetsAt(admin, topic, begin.from) : undefined;
  const ends = to === undefined ? undefined : await offsetsAt(admin, topic, to);
  return all
    .filter(({ partition }) => partitions?.includes(partition) ?? true)
    .map((log) => ({
      partition: log.partition,
      begin: from ? offsetIn(from, log) : beginOf(begin, log),
      ...(ends ? { end: offsetIn(ends, log) } : untilLatest && { end: log.latest }),
    }));
}

type Log = { readonly partition: number; readonly earliest: number; readonly latest: number };

function beginOf(begin: NonNullable<Bounds['begin']>, { partition, earliest, latest }: Log): number {
  if (typeof begin === 'string') return begin === 'earliest' ? earliest : latest;
  if ('last' in begin) return Math.max(earliest, latest - begin.last);
  const { offset } = begin as { offset: number };
  if (offset >= earliest && offset <= latest) return offset;
  throw new Error(`--offset: expected ${earliest} to ${latest}, which partition ${partition} holds, got ${offset}`);
}

/** The first offset at or after the time, of each partition. It is missing where there is none. */
async function offsetsAt(admin: Admin, topic: string, time: number): Promise<ReadonlyMap<number, number>> {
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, time);
  return new Map(found.flatMap(({ partition, offset }) => (offset < 0 ? [] : [[partition, offset]])));
}

const offsetIn = (offsets: ReadonlyMap<number, number>, { partition, latest }: Log): number =>
  offsets.get(partition) ?? latest;
