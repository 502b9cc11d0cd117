// The head of a partition is the one item whose conditional update is the commit point of an append. It stays below 1
// KiB, because a write is billed by the size of the whole item.
//
//   v version   n next offset = high watermark   s log start   b first offset of the tail   m below it: log segments
//   g segment-epoch fence   x highest producer id ever removed from p   w greatest timestamp below b   z bytes appended
//   f flag: the topic has subscriptions; the revision of the topic when it was set
//   t tail: list of entries, oldest first        p producers: map of id -> 2 bytes epoch, 4 bytes next sequence
//
// The head alone tells three zones: [s, m) log segments, [m, b) index pages, [b, n) the tail. Anything outside its zone is
// garbage and is never read. Numbers and fences only grow. The first merge makes it version 2: a process that knows no
// log segments would miss the records below m, and must refuse such a head.

import type { Known } from '../producer/decide.ts';
import { checkVersion, itemVersion } from '../storage/keys.ts';
import type { Item, Key } from '../storage/table.ts';
import { decodeEntry, type PlacedEntry } from './entry.ts';

export type Head = {
  readonly next: number;
  readonly logStart: number;
  readonly tailBase: number;
  readonly mergedTo: number;
  readonly fence: number;
  readonly highestEvictedId: number;
  readonly maxTimestampBelowTail: number;
  readonly bytes: number;
  /** The oldest entry is first. Conditions compare the raw bytes. */
  readonly tail: readonly TailEntry[];
  /** Returns what p says about a producer; undefined if it is not resident. */
  producer(id: number): Known | undefined;
  /** The keys of p. */
  readonly residents: readonly string[];
};

export type TailEntry = PlacedEntry & { readonly raw: Uint8Array };

/** The version of a head with m > 0. */
export const mergedHeadVersion = 2;

/** The fence of a deleted topic's heads is above every epoch (3 bytes, hours since 1970). */
export const deletedFence = 0xffffff;

export const segmentEpochAt = (nowMs: number): number => Math.floor(nowMs / 3_600_000);

export function emptyHeadItem(key: Key, fence: number): Item {
  return { ...key, v: itemVersion, n: 0, s: 0, b: 0, m: 0, g: fence, x: 0, w: 0, z: 0, t: [], p: {} };
}

export function parseHead(item: Item): Head {
  checkVersion(item, 'head', mergedHeadVersion);
  const producers = item.p as Readonly<Record<string, Uint8Array>>;
  let tail: TailEntry[] | undefined;
  return {
    next: item.n as number,
    logStart: item.s as number,
    tailBase: item.b as number,
    mergedTo: item.m as number,
    fence: item.g as number,
    highestEvictedId: item.x as number,
    maxTimestampBelowTail: item.w as number,
    bytes: item.z as number,
    get tail() {
      tail ??= placeTail(item.t as readonly Uint8Array[], item.b as number);
      return tail;
    },
    producer: (id) => {
      const state = producers[producerAttribute(id)];
      return state && decodeProducerState(state);
    },
    residents: Object.keys(producers),
  };
}

/** Readers see this where a partition's head was never made. */
export const emptyHead: Head = parseHead(emptyHeadItem({ pk: '', sk: '' }, 0));

function placeTail(raws: readonly Uint8Array[], base: number): TailEntry[] {
  let baseOffset = base;
  return raws.map((raw) => {
    const { entry } = decodeEntry(raw);
    const placed = { raw, entry, baseOffset };
    baseOffset += entry.recordCount;
    return placed;
  });
}

/**
 * Returns a producer id as a key of p: its big-endian bytes without leading zeros, in base64url (4 characters up to
 * 2^24).
 */
export function producerAttribute(id: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(id));
  return bytes.subarray(Math.min(5, firstNonZero(bytes))).toString('base64url');
}

export function producerIdOf(attribute: string): number {
  return Buffer.from(attribute, 'base64url').reduce((id, byte) => id * 256 + byte, 0);
}

const firstNonZero = (bytes: Uint8Array) =>
  Math.max(
    0,
    bytes.findIndex((byte) => byte !== 0),
  );

/** The epoch comes first, so that comparing the bytes compares the epochs. */
export function encodeProducerState(epoch: number, nextSequence: number): Uint8Array {
  const bytes = new Uint8Array(6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, epoch);
  view.setUint32(2, nextSequence);
  return bytes;
}

function decodeProducerState(bytes: Uint8Array): Known {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { epoch: view.getUint16(0), nextSequence: view.getUint32(2) };
}
