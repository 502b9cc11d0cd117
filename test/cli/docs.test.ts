// docs/CLI.md has a table for each command that reads or writes records. This file holds the tables to the commands.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { program } from '../../cli/program.ts';

const text = readFileSync(path.join(import.meta.dirname, '../../docs/CLI.md'), 'utf8');

/** The flags in the first column of the tables below a heading. */
function documented(heading: RegExp): string[] {
  const section = text.split(/^## /m).find((one) => heading.test(one))!;
  const cells = [...section.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => [...cell.matchAll(/`(--?[A-Za-z][\w-]*)/g)].map(([, flag]) => flag!)).sort();
}

function flagsOf(...commands: readonly Command[]): string[] {
  const flags = commands.flatMap((command) => command.options.flatMap((one) => one.flags.match(/--?[A-Za-z][\w-]*/g)!));
  return [...new Set(flags)].filter((flag) => flag !== '--messages').sort();
}

const rivulet = program();
const find = (of: Command, name: string): Command => of.commands.find((one) => one.name() === name)!;

describe('docs/CLI.md has the options', () => {
  test('of every command', () => expect(documented(/^Options of every/)).toEqual(flagsOf(rivulet)));

  test.each(['consume', 'produce'])('of %s', (name) =>
    expect(documented(new RegExp(`\`${name}\`\n`))).toEqual(flagsOf(find(rivulet, name))),
  );

  test('of subscriptions', () => {
    const formats = ['--json', '--output', '-o'];
    const flags = flagsOf(...find(rivulet, 'subscriptions').commands).filter((flag) => !formats.includes(flag));
    expect(documented(/^Deliver/)).toEqual(flags);
  });

  test('of bench', () => {
    const bench = find(rivulet, 'bench');
    expect(documented(/^Measure/)).toEqual(flagsOf(find(bench, 'produce'), find(bench, 'consume')));
  });
});

test('docs/CLI.md names every command', () => {
  const cells = [...text.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell]) => cell!).join(' ');
  for (const command of rivulet.commands) expect(cells).toContain(`\`${command.name()}`);
});

test('docs/CLI.md lists the commands that print data in every format', () => {
  const listing = /^## Listings\n\n([\s\S]+?) print what/m.exec(text)![1]!;
  const named = [...listing.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
  const printing = (of: Command, words: readonly string[]): string[] => [
    ...(of.options.some((one) => one.short === '-o') ? [words.join(' ')] : []),
    ...of.commands.flatMap((one) => printing(one, [...words, one.name()])),
  ];
  expect(named.sort()).toEqual(printing(rivulet, []).sort());
});
