import { describe, expect, test } from 'vitest';
import { addBound, rangesOf } from '../../cli/consume-range.ts';

describe('an --offset', () => {
  test.each([
    ['earliest', { begin: 'earliest' }],
    ['beginning', { begin: 'earliest' }],
    ['end', { begin: 'latest' }],
    ['17', { begin: { offset: 17 } }],
    ['-5', { begin: { last: 5 } }],
    ['s@1700000000000', { begin: { from: 1_700_000_000_000 } }],
    ['e@2023-11-14T22:13:20Z', { to: 1_700_000_000_000 }],
  ])('%s', (text, bounds) => expect(addBound(text)).toEqual(bounds));

  test.each(['', 'stored', '1.5', '--5', '9007199254740992', 's@', 'e@yesterday', 'x'])('%s is refused', (text) =>
    expect(() => addBound(text)).toThrow(/^(It must be|Offsets are stored)/),
  );

  test('says where to begin once, and where to end once', () => {
    expect(addBound('e@9', addBound('-5'))).toEqual({ begin: { last: 5 }, to: 9 });
    expect(() => addBound('earliest', addBound('-5'))).toThrow('The beginning is given already.');
    expect(() => addBound('e@9', addBound('e@8'))).toThrow('The end is given already.');
  });
});

describe('the ranges of partitions', () => {
  const logs = [
    { topic: 't', partition: 0, earliest: 10, latest: 100 },
    { topic: 't', partition: 1, earliest: 0, latest: 3 },
  ];
  /** Time 5 is at offset 50 of partition 0, and after the last record of partition 1. */
  const byTime = [
    { topic: 't', partition: 0, offset: 50 },
    { topic: 't', partition: 1, offset: -1 },
  ];
  type GivenAdmin = Parameters<typeof rangesOf>[0];
  const admin = { fetchTopicOffsets: async () => logs, fetchTopicOffsetsByTimestamp: async () => byTime };
  const ranges = (options: Parameters<typeof rangesOf>[2]) => rangesOf(admin as unknown as GivenAdmin, 't', options);

  test('begin at the last records, but never below the earliest', async () => {
    expect(await ranges({ bounds: { begin: { last: 5 } } })).toEqual([
      { partition: 0, begin: 95 },
      { partition: 1, begin: 0 },
    ]);
    expect(await ranges({ bounds: { begin: { last: 1_000 } }, partitions: [0] })).toEqual([
      { partition: 0, begin: 10 },
    ]);
  });

  test('lie between times; without a later record they begin or end at the end as it is now', async () => {
    expect(await ranges({ bounds: { begin: { from: 5 } } })).toEqual([
      { partition: 0, begin: 50 },
      { partition: 1, begin: 3 },
    ]);
    expect(await ranges({ bounds: { begin: 'earliest', to: 5 } })).toEqual([
      { partition: 0, begin: 10, end: 50 },
      { partition: 1, begin: 0, end: 3 },
    ]);
  });

  test('end at the end as it is now', async () => {
    const both = await ranges({ bounds: { begin: 'earliest' }, untilLatest: true });
    expect(both.map(({ end }) => end)).toEqual([100, 3]);
  });

  test('are refused outside the log and outside the topic', async () => {
    await expect(ranges({ bounds: { begin: { offset: 9 } }, partitions: [0] })).rejects.toThrow(
      '--offset: expected 10 to 100, which partition 0 holds, got 9',
    );
    await expect(ranges({ partitions: [2] })).rejects.toThrow(
      '--partition: expected one of the 2 partitions of topic t, got 2',
    );
  });
});
