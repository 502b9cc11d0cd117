import { expect, test } from 'vitest';
import { duration } from '../../cli/group-description.ts';
import { fileTargets, topicSelection } from '../../cli/group-targets.ts';

test.each([
  ['orders', { topic: 'orders' }],
  ['orders:0', { topic: 'orders', partitions: [0] }],
  ['orders:3,0-1', { topic: 'orders', partitions: [0, 1, 3] }],
])('topics: %s', (text, selection) => {
  expect(topicSelection(text)).toEqual([selection]);
  expect(topicSelection(text, [{ topic: 'before' }])).toEqual([{ topic: 'before' }, selection]);
});

test.each(['orders:', 'orders:a', 'a:0:1', ':0', 'bad name'])('topics: %s is refused', (text) => {
  expect(() => topicSelection(text)).toThrow();
});

test('topics: each topic may be named once', () => {
  expect(() => topicSelection('orders:1', [{ topic: 'orders', partitions: [0] }])).toThrow('orders is named already');
});

test.each([
  [-1, '-'],
  [0, '0s'],
  [1_549, '1.5s'],
  [59_999, '59s'],
  [61_000, '1m1s'],
  [3_600_000, '1h'],
  [90_000_000, '1d1h'],
])('ages: %d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('files: a partition that occurs twice is refused with both lines', () => {
  expect(() => fileTargets('f', 'orders,0,1\norders,1,1\norders,00,2\n')).toThrow(
    '--from-file f: line 3: orders partition 0 is on line 1 already',
  );
});

test('files: lines are topic,partition,offset, with or without quotes', () => {
  expect(fileTargets('f', 'orders,0,12\r\n\n"returns", 3 , 4\norders,2,1\n')).toEqual([
    {
      topic: 'orders',
      target: {
        to: 'offsets',
        offsets: [
          { partition: 0, offset: 12 },
          { partition: 2, offset: 1 },
        ],
      },
    },
    { topic: 'returns', target: { to: 'offsets', offsets: [{ partition: 3, offset: 4 }] } },
  ]);
});

test.each([
  ['orders,0', /^--from-file f: line 1: expected topic,partition,offset, got "orders,0"$/],
  ['orders,0,1\norders,-1,2', /line 2/],
  ['\n', /^--from-file f: expected lines of topic,partition,offset, got none$/],
])('files: %j is refused', (text, sentence) => {
  expect(() => fileTargets('f', text)).toThrow(sentence);
});
