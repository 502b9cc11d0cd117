// This checks the checker. It accepts every history that a register allows, whatever the clients know of it, and
// refuses every other.
import { expect, test } from 'vitest';
import { firstMisfit, type OffsetsOperation } from './check.ts';

const operation =
  (kind: OffsetsOperation['kind']) =>
  (begunMs: number, endedMs: number, ...values: (string | undefined)[]): OffsetsOperation => ({
    kind,
    what: `${kind} ${values}`,
    begunMs,
    endedMs,
    values: new Map(values.flatMap((value, partition) => (value === undefined ? [] : [[partition, value] as const]))),
  });
const [read, write, expiry] = [operation('read'), operation('write'), operation('expiry')];
const never = Number.POSITIVE_INFINITY;
const misfit = (...operations: OffsetsOperation[]) => firstMisfit(operations, { partitions: 2, youngestMs: 100 });

test.each<[string, OffsetsOperation[]]>([
  ['a write is seen after it', [write(0, 10, '1'), read(20, 30, '1', '')]],
  ['a read beside a write sees it or not', [write(0, 30, '1'), read(5, 10, '', ''), read(6, 11, '1', '')]],
  ['of two at once either may be the last', [write(0, 30, '1'), write(0, 30, '2'), read(40, 50, '1', '')]],
  [
    'a write of unknown outcome comes late',
    [write(0, never, '1'), write(5, 10, '2'), read(20, 30, '2', ''), read(40, 50, '1', '')],
  ],
  ['or never', [write(0, never, '1'), read(20, 30, '', '')]],
  [
    'a deletion of unknown outcome comes late',
    [write(0, 5, '1'), write(6, never, '', ''), read(9, 10, '1', ''), read(40, 50, '', '')],
  ],
  ['an expiry takes what is old', [write(0, 5, '1'), expiry(200, 210, ''), read(220, 230, '', '')]],
  ['or leaves it', [write(0, 5, '1'), expiry(200, 210, ''), read(220, 230, '1', '')]],
])('%s', (_what, operations) => {
  expect(misfit(...operations)).toBeUndefined();
});

test.each<[string, OffsetsOperation[]]>([
  ['a write that is lost', [write(0, 10, '1'), read(20, 30, '', '')]],
  ['a read that goes back', [write(0, 10, '1'), write(0, 50, '2'), read(20, 25, '2', ''), read(30, 35, '1', '')]],
  ['a write that comes back', [write(0, 10, '1'), write(20, 30, '2'), read(40, 50, '1', '')]],
  ['a deleted offset that comes back', [write(0, 10, '1'), write(20, 30, ''), read(40, 50, '1', '')]],
  ['what nobody wrote', [read(0, 10, '7', '')]],
  ['half of a write', [write(0, 10, '1', '1'), write(20, never, '2', '2'), read(30, 40, '2', '1')]],
  ['an expiry of what is young', [write(150, 160, '1'), expiry(200, 210, ''), read(220, 230, '', '')]],
  [
    'an expiry that ended before',
    [write(0, 5, '1'), expiry(200, 210, ''), read(220, 230, '1', ''), read(240, 250, '', '')],
  ],
  ['an unknown write that comes before its begin', [write(50, never, '1'), read(10, 20, '1', '')]],
])('%s', (_what, operations) => {
  expect(misfit(...operations)).toBeDefined();
});
