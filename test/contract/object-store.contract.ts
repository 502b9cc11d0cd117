// The contract of every ObjectStore. Each test writes below a prefix of its own, so that one store serves the whole suite.
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { holdsOtherBytes } from '../../lib/storage/object-rules.ts';
import type { ListRequest, ObjectStore } from '../../lib/storage/object-store.ts';
import { StorageError } from '../../lib/storage/storage-error.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const byUtf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Odd keys. The test stores each of them below a prefix of its own. */
const oddKeys = [
  'plain',
  'A',
  'a',
  'a/b',
  'a//b',
  'a/',
  'a/b/',
  '/',
  '//',
  '.',
  '..',
  '../up',
  'x/../y',
  'x/./y',
  'y',
  '.hidden',
  'a b',
  ' a',
  'a+b',
  '+',
  'a~',
  '~',
  'a%2Fb',
  '%',
  '%41',
  'a&b=c?d#e',
  'a:b\\c*"<>|',
  "it's(fine)!",
  'con',
  'ü',
  'u\u0308',
  '\uff5e',
  '\u{1f600}',
  '日本/語',
];

export function objectStoreContract(name: string, make: () => ObjectStore | Promise<ObjectStore>): void {
  describe(`${name} keeps the ObjectStore contract`, () => {
    let store: ObjectStore;
    let tests = 0;
    const run = randomUUID().slice(0, 8);
    const ownPrefix = () => `${run}-${tests++}/`;

    beforeAll(async () => {
      store = await make();
    });

    const put = (key: string, text: string) => store.putOnce(key, [bytesOf(text)]);
    const listKeys = async (request: ListRequest) => (await listAll(store, request)).map((object) => object.key);

    describe('putOnce', () => {
      test('writes the chunks as one object', async () => {
        const key = `${ownPrefix()}chunks`;
        const chunks = Array.from({ length: 3000 }, (_, index) => bytesOf(`${index},`));
        await store.putOnce(key, chunks);
        expect(Buffer.from((await store.get(key))!).equals(Buffer.concat(chunks))).toBe(true);
      });

      test('writes an empty object from no chunks and from empty chunks', async () => {
        const prefix = ownPrefix();
        await store.putOnce(`${prefix}none`, []);
        await store.putOnce(`${prefix}empty`, [new Uint8Array(), new Uint8Array()]);
        expect(await store.get(`${prefix}none`)).toEqual(new Uint8Array());
        expect(await store.get(`${prefix}empty`)).toEqual(new Uint8Array());
      });

      test('writes a view of a larger buffer, and binary of every byte', async () => {
        const key = `${ownPrefix()}view`;
        const all = Uint8Array.from({ length: 512 }, (_, index) => index & 0xff);
        await store.putOnce(key, [all.subarray(1, 300), all.subarray(300, 511)]);
        expect(await store.get(key)).toEqual(all.slice(1, 511));
      });

      test('writes some megabytes', async () => {
        const key = `${ownPrefix()}large`;
        const chunk = new Uint8Array(1 << 20).fill(7);
        await store.putOnce(key, [chunk, chunk, chunk, bytesOf('end')]);
        expect(await store.get(key, { from: 3 << 20, to: 4 << 20 })).toEqual(bytesOf('end'));
      });

      test('succeeds again with the same bytes, however they are cut into chunks', async () => {
        const key = `${ownPrefix()}again`;
        await put(key, 'one object');
        await put(key, 'one object');
        await store.putOnce(key, [bytesOf('one'), bytesOf(' '), bytesOf('object')]);
        expect(await store.get(key)).toEqual(bytesOf('one object'));
      });

      test.each([
        ['of the same length', 'first', 'other'],
        ['that are a part of the stored bytes', 'first', 'fir'],
        ['that begin with the stored bytes', 'first', 'first and more'],
        ['of length zero', 'first', ''],
        ['over an empty object', '', 'other'],
      ])('with other bytes %s throws exists and changes nothing', async (_, before, later) => {
        const key = `${ownPrefix()}taken`;
        await put(key, before);
        await expect(put(key, later)).rejects.toMatchObject({
          reason: 'exists',
          mayHaveActed: false,
          message: holdsOtherBytes(key).message,
        });
        expect(await store.get(key)).toEqual(bytesOf(before));
      });

      test('of one key by many writers in parallel: exactly one wins', async () => {
        const key = `${ownPrefix()}race`;
        const texts = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
        const outcomes = await Promise.allSettled(texts.map((text) => patiently(() => put(key, text))));
        const winners = texts.filter((_, index) => outcomes[index]!.status === 'fulfilled');
        expect(winners).toHaveLength(1);
        expect(await store.get(key)).toEqual(bytesOf(winners[0]!));
        const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
        for (const { reason } of losers) expect(reason).toMatchObject({ name: 'StorageError', reason: 'exists' });
      });

      test('of one key with the same bytes by many writers in parallel: all succeed', async () => {
        const key = `${ownPrefix()}same`;
        await Promise.all(Array.from({ length: 8 }, () => patiently(() => put(key, 'same'))));
        expect(await store.get(key)).toEqual(bytesOf('same'));
      });

      test('of many keys in parallel: all objects are there', async () => {
        const prefix = ownPrefix();
        const keys = Array.from({ length: 30 }, (_, index) => `${prefix}${index % 3}/${index}`);
        await Promise.all(keys.map((key) => put(key, key)));
        expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys.map(bytesOf));
      });
    });

    describe('get', () => {
      test('of a missing key is undefined, with and without a range', async () => {
        const prefix = ownPrefix();
        await put(`${prefix}a/b`, 'x');
        for (const key of ['missing', 'a', 'a/', 'a/b/', 'a/b/c']) {
          expect(await store.get(prefix + key)).toBeUndefined();
          expect(await store.get(prefix + key, { from: 0, to: 1 })).toBeUndefined();
        }
      });

      test.each([
        ['within', 2, 5, '234'],
        ['all of it', 0, 10, '0123456789'],
        ['the last byte', 9, 10, '9'],
        ['past the end', 8, 100, '89'],
        ['far past the end', 8, Number.MAX_SAFE_INTEGER, '89'],
        ['from the end', 10, 11, ''],
        ['from past the end', 50, 60, ''],
      ])('of the range "%s" returns its bytes', async (_, from, to, expected) => {
        const key = `${ownPrefix()}range`;
        await put(key, '0123456789');
        expect(await store.get(key, { from, to })).toEqual(bytesOf(expected));
      });

      test('of a range of an empty object returns no bytes', async () => {
        const key = `${ownPrefix()}empty`;
        await put(key, '');
        expect(await store.get(key, { from: 0, to: 10 })).toEqual(new Uint8Array());
      });

      test('gives bytes that the caller may change', async () => {
        const key = `${ownPrefix()}own`;
        const mine = bytesOf('stored');
        await store.putOnce(key, [mine]);
        mine.fill(0);
        (await store.get(key))!.fill(0);
        expect(await store.get(key)).toEqual(bytesOf('stored'));
      });
    });

    describe('list', () => {
      test('gives sizes and times', async () => {
        const prefix = ownPrefix();
        await put(`${prefix}three`, 'abc');
        await put(`${prefix}none`, '');
        const { objects, more } = await store.list({ prefix });
        expect(more).toBe(false);
        expect(objects.map(({ key, bytes }) => ({ key, bytes }))).toEqual([
          { key: `${prefix}none`, bytes: 0 },
          { key: `${prefix}three`, bytes: 3 },
        ]);
        for (const { modifiedMs } of objects) expect(modifiedMs).toBeGreaterThan(0);
      });

      test('of nothing is empty', async () => {
        expect(await store.list({ prefix: ownPrefix() })).toEqual({ objects: [], more: false });
      });

      test('is in the order of UTF-8 bytes and pages without gap or repeat', async () => {
        const prefix = ownPrefix();
        const keys = [
          'a',
          'a!',
          'a!b',
          'a-b',
          'a/',
          'a/b',
          'a/b/c',
          'a/b!',
          'a0',
          'aa',
          'b',
          'B',
          '\uff5e',
          '\u{1f600}',
          '\ud7ff',
          'é',
        ]
          .map((key) => prefix + key)
          .sort(byUtf8);
        await Promise.all(keys.map((key) => put(key, 'x')));
        expect(await listKeys({ prefix })).toEqual(keys);
        for (const limit of [1, 3]) expect(await listKeys({ prefix, limit })).toEqual(keys);
      });

      test('begins after `after`, whether or not that key exists', async () => {
        const prefix = ownPrefix();
        const keys = ['a', 'a/b', 'a/c/d', 'b', 'c/d'].map((key) => prefix + key);
        await Promise.all(keys.map((key) => put(key, 'x')));
        const from = async (after: string) =>
          (await listKeys({ prefix, after: prefix + after })).map((key) => key.slice(prefix.length));
        expect(await from('a')).toEqual(['a/b', 'a/c/d', 'b', 'c/d']);
        expect(await from('a/b')).toEqual(['a/c/d', 'b', 'c/d']);
        expect(await from('a/bb')).toEqual(['a/c/d', 'b', 'c/d']);
        expect(await from('a/c/d/e')).toEqual(['b', 'c/d']);
        expect(await from('c/d')).toEqual([]);
        expect(await from('zzz')).toEqual([]);
        expect(await from('')).toEqual(['a', 'a/b', 'a/c/d', 'b', 'c/d']);
        expect(await listKeys({ prefix, after: `${prefix.slice(0, -1)}!` })).toEqual(keys);
      });

      test('takes a prefix that ends within a name', async () => {
        const prefix = ownPrefix();
        const keys = ['ab', 'abc', 'ab/x', 'abd/y', 'ac', 'b'].map((key) => prefix + key);
        await Promise.all(keys.map((key) => put(key, 'x')));
        const under = async (text: string) =>
          (await listKeys({ prefix: prefix + text })).map((key) => key.slice(prefix.length));
        expect(await under('ab')).toEqual(['ab', 'ab/x', 'abc', 'abd/y']);
        expect(await under('ab/')).toEqual(['ab/x']);
        expect(await under('abc')).toEqual(['abc']);
        expect(await under('abcd')).toEqual([]);
      });

      test('of everything includes the object that was put', async () => {
        const key = `${ownPrefix()}somewhere`;
        await put(key, 'x');
        expect(await listKeys({})).toContain(key);
      });
    });

    describe('delete', () => {
      test('takes no keys, missing keys, and some of each', async () => {
        const prefix = ownPrefix();
        for (const key of ['a', 'b', 'a/b']) await put(prefix + key, key);
        await store.delete([]);
        await store.delete([`${prefix}missing`, `${prefix}missing/too`, `${prefix}a/`]);
        expect(await listKeys({ prefix })).toEqual(['a', 'a/b', 'b'].map((key) => prefix + key));
        await store.delete([`${prefix}a`, `${prefix}missing`, `${prefix}b`]);
        expect(await listKeys({ prefix })).toEqual([`${prefix}a/b`]);
        expect(await store.get(`${prefix}a`)).toBeUndefined();
        expect(await store.get(`${prefix}a/b`)).toEqual(bytesOf('a/b'));
      });

      test('takes a thousand keys, including the last below a folder', async () => {
        const prefix = ownPrefix();
        const keys = Array.from({ length: 40 }, (_, index) => `${prefix}${index}/deep/${index}`);
        await Promise.all(keys.map((key) => put(key, 'x')));
        const missing = Array.from({ length: 960 }, (_, index) => `${prefix}missing/${index}`);
        await store.delete([...missing, ...keys]);
        expect(await listKeys({ prefix })).toEqual([]);
        await put(keys[0]!, 'again');
        expect(await listKeys({ prefix })).toEqual([keys[0]]);
      });

      test('in parallel with puts into the same folder loses none of them', async () => {
        const prefix = ownPrefix();
        const rounds = Array.from({ length: 10 }, (_, index) => index);
        await put(`${prefix}f/first`, 'x');
        for (const round of rounds) {
          const doomed = round === 0 ? 'first' : String(round - 1);
          await Promise.all([store.delete([`${prefix}f/${doomed}`]), put(`${prefix}f/${round}`, 'x')]);
        }
        expect(await listKeys({ prefix })).toEqual([`${prefix}f/9`]);
      });
    });

    describe('keys', () => {
      test('that are odd name distinct objects and come back unchanged', async () => {
        const prefix = ownPrefix();
        const keys = oddKeys.map((key) => prefix + key);
        await Promise.all(keys.map((key) => put(key, key)));
        expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys.map(bytesOf));
        expect(await listKeys({ prefix })).toEqual([...keys].sort(byUtf8));
        await store.delete(keys);
        expect(await listKeys({ prefix })).toEqual([]);
      });

      test('may contain "..", and their objects stay inside the store', async () => {
        const own = ownPrefix();
        const keys = [`../${own}x`, `../../../../../../${own}y`, `/${own}z`];
        for (const key of keys) await put(key, key);
        for (const key of keys) {
          expect(await store.get(key)).toEqual(bytesOf(key));
          expect(await listKeys({ prefix: key })).toEqual([key]);
        }
      });

      test('may have 1,024 bytes, in one name or in many, and are listed in order', async () => {
        const prefix = ownPrefix();
        const fill = (unit: string, end: string) => {
          const room = 1024 - Buffer.byteLength(prefix + end);
          return prefix + unit.repeat(Math.floor(room / Buffer.byteLength(unit))) + end;
        };
        const keys = [
          fill('k', ''),
          fill('k', '!'),
          fill('K', ''),
          fill('é', ''),
          fill('\u{1f600}', ''),
          fill('a/', ''),
          fill('b//', 'x'),
          fill('..', ''),
        ];
        const cuts = [63, 64, 65, 127, 128, 129, 200, 255, 256].flatMap((length) => {
          const stem = `${prefix}${'m'.repeat(length)}`;
          return [stem, `${stem}/`, `${stem}/x`, `${stem}!`, `${stem}0`];
        });
        const all = [...new Set([...keys, ...cuts])].sort(byUtf8);
        await Promise.all(all.map((key) => put(key, key)));
        expect(await listKeys({ prefix })).toEqual(all);
        expect(await listKeys({ prefix, limit: 7 })).toEqual(all);
        for (const key of keys) expect(await store.get(key)).toEqual(bytesOf(key));
        for (const key of [...keys, ...cuts.slice(0, 15)]) expect((await listKeys({ prefix: key }))[0]).toBe(key);
      });
    });

    test('a request that can never succeed is refused as invalid', async () => {
      const invalid = { name: 'StorageError', reason: 'invalid', mayHaveActed: false };
      const long = 'k'.repeat(1025);
      const calls: (() => Promise<unknown>)[] = [
        ...['', long, 'é'.repeat(513), 'half \ud83d'].flatMap((key) => [
          () => put(key, 'x'),
          () => store.get(key),
          () => store.delete(['fine', key]),
        ]),
        ...[
          [0, 0],
          [5, 4],
          [-1, 4],
          [0.5, 4],
          [0, Number.NaN],
          [0, Number.POSITIVE_INFINITY],
        ].map(
          ([from, to]) =>
            () =>
              store.get('key', { from: from!, to: to! }),
        ),
        ...[0, 1001, 1.5].map((limit) => () => store.list({ limit })),
        () => store.list({ prefix: long }),
        () => store.list({ after: long }),
        () => store.delete(Array.from({ length: 1001 }, (_, index) => `key ${index}`)),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject(invalid);
    });
  });
}

async function listAll(store: ObjectStore, request: ListRequest) {
  const found = [];
  for (let after = request.after; ; ) {
    const { objects, more } = await store.list(after === undefined ? request : { ...request, after });
    expect(objects.length).toBeLessThanOrEqual(request.limit ?? 1000);
    found.push(...objects);
    after = objects.at(-1)?.key ?? after;
    if (!more) return found;
  }
}

/** S3 answers 409 to a conditional put that raced with another. Nothing landed, so the put is sent again. */
async function patiently(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof StorageError && error.reason === 'conflict')) throw error;
    await patiently(call);
  }
}
