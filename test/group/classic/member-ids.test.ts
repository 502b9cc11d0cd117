// The ids that members of the classic protocol get.
import { expect, test } from 'vitest';
import { isFresh, newMemberId } from '../../../lib/group/classic/member-ids.ts';
import { checkMemberId } from '../../../lib/group/names.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';

test.each([
  ['consumer-1', /^consumer-1-[\w-]{22}$/],
  ['', /^[\w-]{22}$/],
  ['köln/1 -', /^k_ln_1_--[\w-]{22}$/],
  ['x'.repeat(300), /^x{41}-[\w-]{22}$/],
])('begin with what they may have of the client id %j, and are fresh for five minutes', (clientId, form) => {
  const id = newMemberId(systemClock, clientId);
  expect(id).toMatch(form);
  expect(() => checkMemberId(id)).not.toThrow();
  const now = systemClock.now();
  expect(isFresh(id, now)).toBe(true);
  expect(isFresh(id, now + 400_000)).toBe(false);
  expect(isFresh(`${id}x`, now)).toBe(false);
});
