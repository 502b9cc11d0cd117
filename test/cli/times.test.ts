import { expect, test } from 'vitest';
import { isoDuration, isoTime } from '../../cli/times.ts';

test.each([
  ['2026-11-22T09:00:00Z', '2026-11-22T09:00:00.000Z'],
  ['2026-11-22T09:00:00.5', '2026-11-22T09:00:00.500Z'],
  ['2026-11-22', '2026-11-22T00:00:00.000Z'],
  ['2026-11-22T09:00', '2026-11-22T09:00:00.000Z'],
  ['2026-11-22T09:00:00+0130', '2026-11-22T07:30:00.000Z'],
  ['2026-11-22T09:00:00-05', '2026-11-22T14:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['1000', '1970-01-01T00:00:01.000Z'],
])('times: %s', (text, iso) => {
  expect(new Date(isoTime(text)).toISOString()).toBe(iso);
});

test.each([
  ...['noon', 'foo 1', '1e3', '-3', '-5', '', ' ', 'latest'],
  ...['2026-13-01', '2026-02-30', '2026-02-29', '2026-04-31', '2026-00-10', '2026-1-1', '1969-12-31'],
  ...['2026-11-22 09:00', '2026-11-22T9:00', '2026-11-22T24:00', '2026-11-22T09:60', '2026-11-22T09:00:60'],
  ...['2026-11-22T09:00+24:00', '2026-11-22T09:00+01:60', '22.11.2026', 'Nov 22 2026', '1234567890123456'],
])('times: %j is refused', (text) => {
  expect(() => isoTime(text)).toThrow('It must be a time since 1970 like');
});

test.each([
  ['PT0S', 0],
  ['PT1H30M', 5_400_000],
  ['P2DT12H', 216_000_000],
  ['pt0.5s', 500],
])('durations: %s', (text, ms) => {
  expect(isoDuration(text)).toBe(ms);
});

test.each(['P', 'PT', 'PT5', 'P1M', '1h', '-PT1H', 'P9999999999D'])('durations: %s is refused', (text) => {
  expect(() => isoDuration(text)).toThrow('It must be an ISO 8601 duration');
});
