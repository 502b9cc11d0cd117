// The tables of docs/SDK.md, held to the code: names, options, defaults and bounds. Each row has a test of its name beside this file.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type ConsumerOptions, consumerSettings } from '../../../client/consumer/consumer-options.ts';
import { isIdempotent, type ProducerOptions, settingsOf } from '../../../client/producer/producer-options.ts';
import {
  consumerFromProperties,
  consumerPropertyNames,
  type KafkaProperties,
  producerFromProperties,
  producerPropertyNames,
} from '../../../client/properties.ts';
import { Rivulet } from '../../../client/rivulet.ts';
import { type RetryOptions, retryPolicy } from '../../../client/transport/retry.ts';

const text = readFileSync(path.join(import.meta.dirname, '../../../docs/SDK.md'), 'utf8');
const tests = globSync('*.test.ts', { cwd: import.meta.dirname }).map((file) =>
  readFileSync(path.join(import.meta.dirname, file), 'utf8'),
);

type Part = 'Connection' | 'Producer' | 'Consumer';
type Row = { part: Part; name: string; option: string; fallback: string; bounds: string };

const code = (cell: string): string => /`([^`]*)`/.exec(cell)?.[1] ?? '';
const rows = (['Connection', 'Producer', 'Consumer'] as const).flatMap((part): Row[] => {
  const section = text.split(/^## /m).find((one) => one.startsWith(part))!;
  return section.split('\n').flatMap((line) => {
    const [, name = '', option = '', fallback = '', bounds = ''] = line.split('|').map((cell) => cell.trim());
    return name.startsWith('`') ? [{ part, name: code(name), option: code(option), fallback, bounds }] : [];
  });
});
const withOption = rows.filter(({ option }) => option !== '');

/** The options that a property sets, with those without which the SDK refuses them. */
function optionsBy({ part, name }: Row, value: KafkaProperties[string]) {
  const properties = { ...(part === 'Consumer' && { 'group.id': 'g' }), [name]: value };
  return part === 'Consumer' ? consumerFromProperties(properties) : producerFromProperties(properties);
}

/** Throws unless the SDK takes it. @returns whether it got a note. */
function take(row: Row, value: KafkaProperties[string]): boolean {
  const { options, connection, notes } = optionsBy(row, value);
  const rivulet = new Rivulet({ url: 'http://127.0.0.1:1', ...connection });
  if (row.part === 'Consumer') rivulet.consumer(options as ConsumerOptions);
  else rivulet.producer(options as ProducerOptions);
  return notes.length > 0;
}

test('names each property once, and no other', () => {
  const names = (...parts: Part[]) => rows.filter(({ part }) => parts.includes(part)).map(({ name }) => name);
  expect(names('Connection', 'Producer').sort()).toEqual([...producerPropertyNames].sort());
  expect(names('Connection', 'Consumer').sort()).toEqual([...consumerPropertyNames].sort());
});

test.each(rows)('$name has a test of its own', ({ name }) => {
  const titles = tests.flatMap((source) => [...source.matchAll(/^ *test\('([a-z.]+)[ :]/gm)].map(([, title]) => title));
  expect(titles).toContain(name);
});

const numbers = (cell: string): number[] =>
  [...cell.matchAll(/\d[\d,]*/g)].map(([found]) => Number(found.replaceAll(',', '')));
const choices = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, found]) => found!);

/** A value that the row takes. */
function sampleOf({ bounds, name }: Row): string {
  if (name === 'partition.assignment.strategy') return 'RangeAssignor';
  const [first] = choices(bounds);
  return first ?? String(numbers(bounds)[0] ?? 'a');
}

test.each(withOption)('$name sets the option $option', (row) => {
  const { options, connection } = optionsBy(row, sampleOf(row));
  const [outer, inner] = row.option.split('.');
  const given = { ...options, ...connection } as Record<string, unknown>;
  expect(given).toHaveProperty(outer!);
  if (inner !== undefined) expect(given[outer!]).toHaveProperty(inner);
});

/** The settings that the code makes of an option. With its documented default and without it they are the same. */
const settingBy: Record<Part, (options: object) => unknown> = {
  Connection: ({ retry, ...rest }: { retry?: RetryOptions }) => [
    retryPolicy(retry),
    { ...connectionDefaults(), ...rest },
  ],
  Producer: (options) => [{ ...settingsOf(options) }, isIdempotent(options), timeoutOf(options)],
  Consumer: (options) => {
    const { listener: _own, ...settings } = consumerSettings({ groupId: 'g', ...options });
    // The service takes a missing assignor as uniform.
    return { ...settings, assignor: settings.assignor ?? 'uniform' };
  },
};
/** These defaults have no name in the code: they are read from its text. */
function connectionDefaults() {
  const source = readFileSync(path.join(import.meta.dirname, '../../../client/rivulet.ts'), 'utf8');
  const [, timeout] = /requestTimeoutMs', options\.requestTimeoutMs, \{ fallback: ([\d_]+)/.exec(source)!;
  const [, clientId] = /clientIdOf\(given: string = '(\w+)'\)/.exec(source)!;
  return { requestTimeoutMs: Number(timeout!.replaceAll('_', '')), clientId };
}
function timeoutOf({ transactionTimeoutMs }: { transactionTimeoutMs?: number }): number {
  const source = readFileSync(path.join(import.meta.dirname, '../../../client/producer/transactions.ts'), 'utf8');
  return transactionTimeoutMs ?? Number(/timeoutBounds = \{ fallback: ([\d_]+)/.exec(source)![1]!.replaceAll('_', ''));
}

const documented = withOption.flatMap((row) => {
  const { fallback } = row;
  const word = /^`/.test(fallback) ? code(fallback) : undefined;
  const number = /^\d/.test(fallback) ? numbers(fallback)[0] : undefined;
  const value = word === 'true' || word === 'false' ? word === 'true' : (word ?? number);
  return value === undefined ? [] : [{ ...row, value }];
});

test.each(documented)('$name has the default $fallback', ({ part, option, value, bounds }) => {
  const set = (given: unknown) =>
    option.startsWith('retry.') ? { retry: { [option.slice(6)]: given } } : { [option]: given };
  expect(settingBy[part](set(value))).toEqual(settingBy[part]({}));
  // Another value makes a difference, so the comparison says something.
  const other = { boolean: !value, number: Number(value) > 1 ? Number(value) - 1 : Number(value) + 1, string: 'x' }[
    typeof value as 'number'
  ];
  const word = choices(bounds)
    .filter((one) => one !== 'none' && one !== value)
    .at(-1);
  const difference = typeof value === 'string' && option !== 'clientId' ? differenceOf(option, word) : other;
  expect(settingBy[part](set(difference))).not.toEqual(settingBy[part]({}));
});

/** The words of properties that options have in another form. */
const differenceOf = (option: string, word = ''): unknown =>
  ({ acks: 0, partitioner: 'round-robin', assignor: 'range' })[option] ?? word;

test('rows without a default say so', () => {
  const without = withOption.filter((row) => !documented.some(({ name }) => name === row.name));
  expect(without.map(({ fallback }) => fallback.replace(/[:;].*/, ''))).toEqual(
    without.map(({ option }) => (option === 'maxPollRecords' ? 'whole batches' : 'none')),
  );
});

const bounded = rows.filter(({ bounds }) => /^(from )?\d/.test(bounds));
test.each(bounded)('$name is bounded: $bounds', (row) => {
  const { bounds, name } = row;
  const [least, given] = numbers(bounds);
  const most = bounds.includes('a third of the session') ? 15_000 : given;
  expect(take(row, least!)).toBe(false);
  expect(() => take(row, least! - 1)).toThrow(name);
  if (bounds.startsWith('from')) return expect(take(row, Number.MAX_SAFE_INTEGER)).toBe(false);
  expect(take(row, most!)).toBe(false);
  if (bounds.endsWith('more counts as that')) {
    expect(take(row, most! + 1)).toBe(true);
    return expect(optionsBy(row, most! + 1).options).toEqual(optionsBy(row, most!).options);
  }
  return expect(() => take(row, most! + 1)).toThrow(/expected (a whole number from|at most a third)/);
});

const chosen = rows.filter(({ bounds }) => choices(bounds).length > 0);
test.each(chosen)('$name takes $bounds and nothing else', (row) => {
  for (const choice of choices(row.bounds)) expect(() => take(row, choice)).not.toThrow();
  expect(() => take(row, 'Nonsense')).toThrow(row.name);
});
