import { expect, test } from 'vitest';
import { compile } from '../../../lib/storage/aws/dynamodb-expressions.ts';
import { absent, all, any, atLeast, contains, equals, lacks } from '../../../lib/storage/table.ts';

test('an update names and values everything by placeholders', () => {
  const update = {
    set: [
      ['size', 1],
      [['p', 'a.b'], 'x'],
    ],
    setIfAbsent: [['since', 5]],
    add: [['n', -1]],
    append: [['tail', ['e']]],
    remove: ['old', ['p', 'gone']],
  } as const;
  expect(compile({ update })).toEqual({
    UpdateExpression:
      'SET #0 = :0, #1.#2 = :1, #3 = if_not_exists(#3, :2), #4 = list_append(if_not_exists(#4, :3), :4)' +
      ' ADD #5 :5 REMOVE #6, #1.#7',
    ExpressionAttributeNames: {
      '#0': 'size',
      '#1': 'p',
      '#2': 'a.b',
      '#3': 'since',
      '#4': 'tail',
      '#5': 'n',
      '#6': 'old',
      '#7': 'gone',
    },
    ExpressionAttributeValues: {
      ':0': { N: '1' },
      ':1': { S: 'x' },
      ':2': { N: '5' },
      ':3': { L: [] },
      ':4': { L: [{ S: 'e' }] },
      ':5': { N: '-1' },
    },
  });
});

test('a trim removes the highest index first', () => {
  expect(compile({ update: { trim: [['tail', 3]] } }).UpdateExpression).toBe('REMOVE #0[2], #0[1], #0[0]');
});

test('a condition keeps its shape, and shares its names with the update', () => {
  const condition = all(any(absent('fence'), atLeast('fence', 7)), equals(['p', 'k'], 'v'));
  expect(compile({ update: { set: [['fence', 8]] }, condition })).toMatchObject({
    UpdateExpression: 'SET #0 = :0',
    ConditionExpression: '((attribute_not_exists(#0) OR #0 >= :1) AND #1.#2 = :2)',
    ExpressionAttributeNames: { '#0': 'fence', '#1': 'p', '#2': 'k' },
  });
});

test('an element is searched in lists only', () => {
  expect(compile({ condition: contains('tail', 1) }).ConditionExpression).toBe(
    '(attribute_type(#0, :0) AND contains(#0, :1))',
  );
  expect(compile({ condition: lacks('tail', 1) })).toMatchObject({
    ConditionExpression: '(NOT (attribute_type(#0, :0) AND contains(#0, :1)))',
    ExpressionAttributeValues: { ':0': { S: 'L' }, ':1': { N: '1' } },
  });
});

test('an empty update compiles to nothing, because DynamoDB refuses empty maps of names and values', () => {
  expect(compile({})).toEqual({});
  expect(Object.keys(compile({ condition: absent('a') }))).toEqual(['ConditionExpression', 'ExpressionAttributeNames']);
});
