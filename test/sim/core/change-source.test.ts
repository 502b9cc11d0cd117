// A mutant that changes nothing, or the wrong thing, proves nothing. So a name must be found exactly once, or the
// change is refused.
import { expect, test } from 'vitest';
import { changed } from './change-source.ts';

const source = `
const limit: number = 5;
export function mayWrite(id: number, extra: readonly string[]): unknown {
  const isNew = { test: 'absent' };
  const isOurs = ['equals', id];
  return all(isNew, ...isOurs, { if: isNew, strong: true });
}
const isOld = (age: number): boolean => age > limit;
const twice = () => [{ a: 1 }, { a: 2 }];
async function clean(): Promise<void> {
  await sweep();
}
`;

test.each([
  ['a condition', { drop: 'mayWrite.isNew' }, 'return all( ...isOurs, {  strong: true });'],
  ['a spread list', { drop: 'mayWrite.isOurs' }, 'return all(isNew,  { if: isNew, strong: true });'],
  ['several', { drop: ['mayWrite.isNew', 'mayWrite.isOurs'] }, 'return all(  {  strong: true });'],
  ['a property', { drop: 'mayWrite.strong' }, '{ if: isNew,  }'],
  ['a step', { drop: 'clean' }, 'async function clean(): Promise<void> {}'],
  ['a constant', { turn: { limit: '1' } }, 'const limit: number = (1);'],
  ['an arrow', { turn: { isOld: 'age < 0' } }, 'const isOld = (age: number): boolean => (age < 0);'],
  [
    'a function',
    { turn: { mayWrite: 'id' } },
    'export function mayWrite(id: number, extra: readonly string[]): unknown { return (id); }',
  ],
  ['text', { text: ['age > limit', 'age >= limit'] as const }, '=> age >= limit;'],
])('%s is changed by its name', (_what, change, expected) => {
  expect(changed(source, change)).toContain(expected);
});

test.each([
  ['a name that is not there', { drop: 'mayWrite.isGone' }, 'isGone is defined 0 times'],
  ['a name that is there twice', { drop: 'twice.a' }, 'a is defined 2 times'],
  ['what is below the top level', { turn: { isNew: '1' } }, 'isNew is defined 0 times'],
  ['what is used in another way than in lists', { drop: 'limit' }, 'limit cannot be dropped'],
  ['text that is there twice', { text: ['isNew', ''] as const }, 'is 3 times in the source'],
  ['what would not parse', { turn: { limit: '(' } }, 'does not parse'],
])('%s is refused', (_what, change, message) => {
  expect(() => changed(source, change)).toThrow(message);
});
