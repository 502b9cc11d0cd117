// These tests read the EDN back as any reader of EDN would, and check the rules that Jepsen's checker assumes.
import { describe, expect, test } from 'vitest';
import { type History, newHistory, type Send } from '../log/history.ts';
import { defaultWorld, runWorld } from '../log/world.ts';
import { toEdn } from './edn.ts';

type Edn = string | number | null | readonly Edn[] | { readonly [key: string]: Edn };
type Op = { index: number; type: string; process: number; f: string; value: Edn[]; time: number; error?: string };

/** Keywords become `:name`. Keys of maps become their text without the colon. */
function readEdn(text: string): Edn {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{}]|[^\s,[\]{}"]+/g)!;
  let at = 0;
  const until = (end: string): Edn[] => {
    const found: Edn[] = [];
    while (tokens[at] !== end) found.push(read());
    at++;
    return found;
  };
  function read(): Edn {
    const token = tokens[at++];
    if (token === undefined || token === ']' || token === '}') throw new Error(`unexpected ${token} in ${text}`);
    if (token === '[') return until(']');
    if (token === '{') return mapOf(until('}'));
    if (token.startsWith('"')) return JSON.parse(token) as string;
    if (token.startsWith(':')) return token;
    if (token === 'nil') return null;
    if (/^-?\d+$/.test(token)) return Number(token);
    throw new Error(`not EDN: ${token}`);
  }
  const value = read();
  if (at !== tokens.length) throw new Error(`more than one value in ${text}`);
  return value;
}

function mapOf(entries: readonly Edn[]): Edn {
  if (entries.length % 2 === 1) throw new Error('a map with a key without a value');
  const pairs = entries.flatMap((key, i) => (i % 2 === 0 ? [[String(key).replace(/^:/, ''), entries[i + 1]!]] : []));
  return Object.fromEntries(pairs) as Edn;
}

const opsOf = (history: History): Op[] => toEdn(history).trimEnd().split('\n').map(readEdn) as unknown as Op[];

const base: Omit<Send, 'tries'> = {
  client: 'a',
  order: 0,
  partition: 2,
  values: ['x', 'y'],
  idempotent: true,
  begunMs: 1_000,
  endedMs: 1_005,
};
const sends = (...given: Send[]): History => ({ ...newHistory(), sends: given });
const completion = (tries: Send['tries']) => opsOf(sends({ ...base, tries })).find(({ type }) => type !== ':invoke')!;

describe('a send', () => {
  test('is invoked without offsets, and completed with them', () => {
    const [invoked, completed] = opsOf(sends({ ...base, tries: ['lost', 40] }));
    expect(invoked).toEqual({
      index: 0,
      type: ':invoke',
      process: 0,
      f: ':send',
      value: [
        [':send', 2, 'x'],
        [':send', 2, 'y'],
      ],
      time: 0,
    });
    expect(completed).toMatchObject({ index: 1, type: ':ok', process: 0, f: ':send', time: 5_000_000 });
    expect(completed!.value).toEqual([
      [':send', 2, [40, 'x']],
      [':send', 2, [41, 'y']],
    ]);
  });

  test('that was written at an unknown offset has no offset', () => {
    const { type, value } = completion(['lost', 'written']);
    expect(type).toBe(':ok');
    expect(value[0]).toEqual([':send', 2, [null, 'x']]);
  });

  test('fails only if no try can have written', () => {
    expect(completion(['not-written', 'not-written'])).toMatchObject({ type: ':fail', error: ':not-written' });
    expect(completion(['unknown', 'not-written'])).toMatchObject({
      type: ':info',
      value: [[':send', 2, 'x'], expect.anything()],
    });
    expect(completion([])).toMatchObject({ type: ':info', error: ':unanswered' });
  });

  test('without a clear outcome is the last of its process', () => {
    const after: Send = { ...base, order: 1, values: ['z'], begunMs: 1_010, endedMs: 1_020, tries: [42] };
    const processes = (first: Send['tries']) => {
      const ops = opsOf(sends({ ...base, tries: first }, after));
      return new Set(ops.map(({ process }) => process)).size;
    };
    expect(processes([40])).toBe(1);
    expect(processes(['unknown'])).toBe(2);
  });
});

describe('a poll', () => {
  const poll = { client: 'r', partition: 1, highWatermark: 3 };
  const records = ['a', 'b "quoted"\n', 'ü'].map((value, offset) => ({ offset, value }));

  test('has its records by partition, and none if there were none', () => {
    const polls = [
      { ...poll, offset: 0, begunMs: 5, endedMs: 6, records },
      { ...poll, offset: 3, begunMs: 7, endedMs: 8, records: [] },
    ];
    const found = opsOf({ ...newHistory(), polls }).filter(({ f, type }) => f === ':poll' && type === ':ok');
    expect(found.map(({ value }) => value)).toEqual([
      [[':poll', { 1: records.map(({ offset, value }) => [offset, value]) }]],
      [[':poll', {}]],
    ]);
  });

  test('that continues elsewhere belongs to another process, which was assigned the partition', () => {
    const polls = [
      { ...poll, offset: 0, begunMs: 5, endedMs: 6, records },
      { ...poll, offset: 1, begunMs: 7, endedMs: 8, records: records.slice(1) },
    ];
    const ops = opsOf({ ...newHistory(), polls });
    const assigned = ops.filter(({ f, type }) => f === ':assign' && type === ':ok');
    expect(assigned.map(({ value }) => value)).toEqual([[1], [1]]);
    expect(new Set(ops.map(({ process }) => process)).size).toBe(2);
  });

  test('of the whole log ends the history', () => {
    const finalLog = new Map([[1, records]]);
    const last = opsOf({ ...sends({ ...base, tries: [0] }), finalLog }).at(-1)!;
    expect(last).toMatchObject({ type: ':ok', f: ':poll' });
    expect(last.value).toEqual([[':poll', { 1: records.map(({ offset, value }) => [offset, value]) }]]);
  });
});

test('from a simulated world has a completion for every invocation, process by process', async () => {
  const { history } = await runWorld({ ...defaultWorld, seed: 11 });
  const ops = opsOf(history);
  expect(ops.map(({ index }) => index)).toEqual(ops.map((_, i) => i));
  expect(ops.map(({ time }) => time)).toEqual(ops.map(({ time }) => time).sort((a, b) => a - b));
  for (const [process, own] of Map.groupBy(ops, (op) => op.process)) {
    own.forEach((op, i) => {
      const invokes = i % 2 === 0;
      expect(op.type === ':invoke', `process ${process}, index ${op.index}`).toBe(invokes);
      if (!invokes) expect(op.f).toBe(own[i - 1]!.f);
      if (op.type === ':info') expect(i, 'a process goes on after :info').toBe(own.length - 1);
    });
    expect(own.length % 2).toBe(0);
  }
  const sent = ops.filter(({ type, f }) => type === ':invoke' && f === ':send');
  expect(sent.length).toBe(history.sends.length);
});
