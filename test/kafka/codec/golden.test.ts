// The codec against the bytes of Kafka's own classes, in both directions.
import { describe, expect, test } from 'vitest';
import { messageRows, versionRange } from '../../../kafka/schema/table.ts';
import { decoded, encoded, goldenMessages, goldenValue } from './golden.ts';

describe('every version of every message', () => {
  const full = goldenMessages.filter(({ kind }) => kind === 'full');

  test('is in the fixture', () => {
    const pairs = messageRows.flatMap(({ name, versions }) => {
      const [first, last] = versionRange(versions);
      return Array.from({ length: last - first + 1 }, (_, i) => `${name} ${first + i}`);
    });
    expect(full.map(({ name, version }) => `${name} ${version}`).sort()).toEqual(pairs.sort());
  });

  test('is written in the bytes that Kafka writes', () => {
    const wrong = goldenMessages.filter(
      (golden) => !encoded(golden.name, golden.version, goldenValue(golden)).equals(golden.bytes),
    );
    expect(wrong.map(({ name, version, kind }) => `${name} v${version} ${kind}`)).toEqual([]);
  });

  test('is read as what Kafka wrote, and written again in the same bytes', () => {
    for (const golden of goldenMessages) {
      const { name, version, bytes } = golden;
      const value = decoded(name, version, bytes);
      expect(value).toMatchObject(goldenValue(golden));
      expect(encoded(name, version, value)).toEqual(bytes);
    }
  });
});
