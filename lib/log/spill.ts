// Spill: when the tail of a head is full, its older entries move to an index page by two plain conditional writes: the
// page first, then the trim. Any process may die between them, or do them twice, or much later:
//   - the page is put only if absent; if one is there, its length is what must be trimmed, not ours;
//   - the trim happens only if the tail still begins where the page does.
// Exactly one writer spills: the one whose own append carried the tail over a mark. If it dies, the writers that carry
// it over the next marks do.

import { dataBytesOf, ownerIdOf } from '../partition/entry.ts';
import { type Head, parseHead, producerAttribute, producerIdOf, type TailEntry } from '../partition/head.ts';
import { type PageAddress, pageItem, parsePage } from '../partition/page.ts';
import { firstTransactionalId } from '../producer/ids.ts';
import { headKey } from '../storage/keys.ts';
import { StorageError } from '../storage/storage-error.ts';
import { absent, equals, type Item, type Path } from '../storage/table.ts';
import type { LogContext } from './context.ts';

/**
 * Bytes of tail and producers at which to spill. With the other attributes (about 110 bytes) the head is then near 960,
 * which leaves room for what other writers append meanwhile; above 1,024 each append costs a second write unit.
 */
const firstMark = 880;
const marksApart = 256;
/** Entries left in the tail: enough for readers at the tail to be served by the head alone. */
const entriesLeft = 3;
/** Entries moved at once: an update's expression is bounded, and a tail that was left to grow shrinks over several marks. */
const mostMoved = 64;
/** A hint asks for a merge with this probability at least, and surely for a page of so many bytes. */
const leastHint = 1 / 64;
const bytesPerHint = 64 * 1024 * 1024;

/** Billed bytes of a list element beside its value, and of a resident producer (name 4, state 6, overhead 1). */
const elementOverheadBytes = 1;
const residentBytes = 11;

/** True for exactly one of the writers of a tail: the one whose append, the last in `tail`, carried it over a mark. */
export function carriedOverMark(tail: readonly TailEntry[]): boolean {
  const own = tail.at(-1);
  if (!own || tail.length <= entriesLeft) return false;
  const before = billedBytes(tail.slice(0, -1));
  return marksBelow(billedBytes(tail)) > marksBelow(before);
}

const marksBelow = (bytes: number) => Math.max(0, Math.floor((bytes - firstMark) / marksApart) + 1);

function billedBytes(tail: readonly TailEntry[]): number {
  const owners = new Set(tail.map(({ entry }) => ownerIdOf(entry)));
  owners.delete(undefined);
  return tail.reduce((sum, { raw }) => sum + raw.length + elementOverheadBytes, owners.size * residentBytes);
}

/** Moves the older entries of this head to a page. */
export const spill = (context: LogContext, address: PageAddress, head: Head): Promise<void> =>
  harmless(moveToPage(context, address, head));

/** The append that caused the spill is committed, so a failure of the storage must not become its answer. */
async function harmless(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const isHarmless = error instanceof StorageError;
    if (!isHarmless) throw error;
  }
}

async function moveToPage(context: LogContext, address: PageAddress, head: Head): Promise<void> {
  const moved = head.tail.slice(0, -entriesLeft).slice(0, mostMoved);
  const raws = moved.map(({ raw }) => raw);
  const isFirst = absent('v');
  const put = await context.table.write({
    kind: 'put',
    item: pageItem(address, head.tailBase, raws, head.maxTimestampBelowTail),
    if: isFirst,
  });
  const isOurs = put.applied;
  if (isOurs) await trim(context, address, head, moved.length);
  else await trimToPage(context, address, head.tailBase, put.old);
}

/**
 * Spills if the tail is over the first mark. This is for a writer that has appended several entries at a time. One that did
 * not get the head in its reply gives none: that costs 1 read unit.
 */
export const spillIfLarge = (context: LogContext, address: PageAddress, newest?: Head): Promise<void> =>
  harmless(moveIfLarge(context, address, newest));

async function moveIfLarge(context: LogContext, address: PageAddress, newest: Head | undefined): Promise<void> {
  const head = newest ?? (await context.heads.read(address));
  const isLarge = head && head.tail.length > entriesLeft && billedBytes(head.tail) > firstMark;
  if (isLarge) await moveToPage(context, address, head);
}

/** Somebody put the page before us, and may have died: finish with the page as it is, on a fresh copy of the head. */
async function trimToPage(
  context: LogContext,
  address: PageAddress,
  pageBase: number,
  page: Item | undefined,
): Promise<void> {
  const item = await context.table.get(headKey(address.topicId, address.partition), { strong: true });
  if (!page || !item) return;
  const head = parseHead(item);
  const isStillThere = head.tailBase === pageBase;
  if (isStillThere) await trim(context, address, head, parsePage(page).entries.length);
}

async function trim(context: LogContext, address: PageAddress, head: Head, count: number): Promise<void> {
  const moved = head.tail.slice(0, count);
  const owners = head.tail.slice(count).map(({ entry }) => ownerIdOf(entry));
  const staying = new Set(owners.map((id) => (id === undefined ? undefined : producerAttribute(id))));
  const evicted = head.residents.filter((attribute) => !staying.has(attribute));
  const last = moved.at(-1)!;
  const notTrimmed = equals('b', head.tailBase);
  const trimmed = await context.table.write({
    kind: 'update',
    key: headKey(address.topicId, address.partition),
    update: {
      trim: [['t', count]],
      remove: evicted.map((attribute): Path => ['p', attribute]),
      set: [
        ['b', last.baseOffset + last.entry.recordCount],
        ['x', highestCountedId(evicted, head.highestEvictedId)],
        ['w', Math.max(head.maxTimestampBelowTail, ...moved.map(({ entry }) => entry.maxTimestampMs))],
      ],
    },
    if: notTrimmed,
  });
  if (trimmed.applied) await hintOf(context, address, moved);
}

/** A merge takes 64 MiB or 64 pages, so one hint for as much is enough on average. */
async function hintOf(context: LogContext, address: PageAddress, moved: readonly TailEntry[]): Promise<void> {
  if (!context.hint) return;
  const topic = context.topics.nameOf(address.topicId);
  const bytes = moved.reduce((sum, { entry }) => sum + dataBytesOf(entry), 0);
  const isDue = context.clock.random() < Math.max(leastHint, bytes / bytesPerHint);
  if (topic !== undefined && isDue) await context.hint({ ...address, topic });
}

/** Only counted ids tell which of them were seen: hashes and the numbers of transactional ids never raise x. */
function highestCountedId(evicted: readonly string[], highest: number): number {
  return Math.max(highest, ...evicted.map(producerIdOf).filter((id) => id < firstTransactionalId));
}
