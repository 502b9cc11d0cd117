import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOfRaw, objectPath, rawOf, readName } from '../../../lib/storage/embedded/object-path.ts';

const part = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '%',
    '+',
    '~',
    'a',
    'A',
    ',',
    'a+',
    'a~',
    '%41',
    '\u{1f600}',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(65),
    'x'.repeat(200),
  ),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.string({ unit: 'binary', minLength: 60, maxLength: 70 }),
);
const key = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const pathOf = (text: string) => {
  const { folders, name } = objectPath(rawOf(text));
  return [...folders, name];
};

test('two keys never share a path, and none is the directory of another, even where case is folded', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [left, right] = [pathOf(a).join('/').toLowerCase(), pathOf(b).join('/').toLowerCase()];
      if (a !== b) expect(left === right || left.startsWith(`${right}/`) || right.startsWith(`${left}/`)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('names are plain and short, and never lead outside', () => {
  fc.assert(
    fc.property(key, (text) => {
      for (const name of pathOf(text)) {
        expect(name).toMatch(/^([a-z0-9_,-]|%[0-9a-f]{2}|\+$|~$|%$)([a-z0-9_.,-]|%[0-9a-f]{2})*[+~]?$/);
        expect(name.length).toBeLessThanOrEqual(194);
      }
    }),
    { numRuns: 500 },
  );
});

test('the names read back give the key', () => {
  fc.assert(
    fc.property(key, (text) => {
      const names = pathOf(text);
      let raw = '';
      names.forEach((name, index) => {
        const found = readName(raw, name);
        expect(found?.isFolder).toBe(index < names.length - 1);
        raw = found!.raw;
      });
      expect(keyOfRaw(raw)).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('the paths of Rivulet’s own keys are readable for people', () => {
  expect(pathOf('3f/topic-id/ingest/0000ab12')).toEqual(['3f+', 'topic-id,ingest,0000ab12']);
  expect(pathOf('../Up/')).toEqual(['%2e.+', '%55p,']);
});

test('the longest of our own keys makes one directory', () => {
  const topicId = 'W'.repeat(22);
  expect(objectPath(rawOf(`3f/${topicId}/ingest/${'f'.repeat(22)}`)).folders).toEqual(['3f+']);
});

test.each(['.DS_Store', '%4', '%41%', '%61', 'B', '~', 'a~', 'a b', 'é', 'a,b', 'a+b'])(
  '%s is not a name that we make',
  (name) => {
    expect(readName('', name)).toBeUndefined();
  },
);

test('below the first part no directory ends with +', () => {
  expect(readName('3f/', 'topic-id+')).toBeUndefined();
  expect(readName('3f/', 'topic-id,ingest')).toEqual({ raw: '3f/topic-id/ingest', isFolder: false });
});
