// A store as some version wrote it, and the content that every later version must find in it:
//
//   test/fixtures/formats/<version>/
//     backend/        the data directory of the embedded backend, as it was closed
//     items.jsonl     the table once more for the other adapters: one item a line, in the order of the keys
//     expected.json   the content
//
// A released version's fixture is never changed. The fixture of the next version is removed and written again
// (write-fixture.ts) when its format changes on purpose. If the format changes by accident, the test fails.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inParallel } from '../../lib/runtime/concurrency.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { decodeItem } from '../../lib/storage/embedded/item-json.ts';
import type { ObjectStore } from '../../lib/storage/object-store.ts';
import type { Item, Table } from '../../lib/storage/table.ts';
import type { StoredGroup } from './groups.ts';

export const fixturesFolder = resolve(import.meta.dirname, '../fixtures/formats');

export type StoredRecord = {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
};

export type StoredPartition = { readonly topic: string; readonly partition: number; readonly records: StoredRecord[] };

/** The last batch of an idempotent producer in a partition. */
export type StoredProducer = {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: number;
  readonly epoch: number;
  readonly baseSequence: number;
  readonly baseOffset: number;
  readonly values: readonly string[];
};

/** A JSON request under an Idempotency-Key, with the places of its records. */
export type StoredKey = {
  readonly topic: string;
  readonly idempotencyKey: string;
  readonly values: readonly string[];
  readonly placed: readonly { readonly partition: number; readonly offset: number }[];
};

export type Stored = {
  /** The time of the clock when the store was closed. */
  readonly closedMs: number;
  readonly lastProducerId: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly topicId: string;
    readonly partitions: number;
    readonly createdMs: number;
    /** The settings that are not default. */
    readonly config: Readonly<Record<string, string>>;
  }[];
  readonly deletedTopics: readonly string[];
  /** Every partition of every topic. */
  readonly partitions: readonly StoredPartition[];
  readonly producers: readonly StoredProducer[];
  readonly keys: readonly StoredKey[];
  readonly groups: readonly StoredGroup[];
};

export const versions = (): string[] => readdirSync(fixturesFolder).sort();

export function readExpected(version: string): Stored {
  return JSON.parse(readFileSync(join(fixturesFolder, version, 'expected.json'), 'utf8')) as Stored;
}

/** Copies the data directory, so that a test may open the copy and write to it. */
export function copyHome(version: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'rivulet-stored-'));
  cpSync(join(fixturesFolder, version, 'backend'), copy, { recursive: true });
  return copy;
}

const width = 8;

/** Puts all items and objects into other adapters. */
export async function load(version: string, into: { objects: ObjectStore; table: Table }): Promise<void> {
  await inParallel(itemsOf(version), width, (item) => into.table.write({ kind: 'put', item }));
  const directory = copyHome(version);
  const stored = createFileObjectStore({ directory });
  const { objects } = await stored.list({});
  const copy = async ({ key }: { key: string }): Promise<void> => {
    await into.objects.putOnce(key, [(await stored.get(key))!]);
  };
  await inParallel(objects, width, copy);
  rmSync(directory, { recursive: true });
}

function itemsOf(version: string): Item[] {
  const lines = readFileSync(join(fixturesFolder, version, 'items.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => {
    const { pk, sk, body } = JSON.parse(line) as { pk: string; sk: string; body: object };
    return decodeItem({ pk, sk }, JSON.stringify(body));
  });
}
