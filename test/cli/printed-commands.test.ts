// A person may copy a command of ours from the documents, the help, a hint or the demo. This test checks that the
// command line takes each of them. Other tests check what the commands do.
import { globSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { program } from '../../cli/program.ts';

const texts = ['README.md', ...globSync(['docs/**/*.md', 'cli/*.ts', 'examples/*.ts', 'tools/emulator/*.ts'])];

/** A command stands in backticks, or on a line of its own, perhaps behind a pipe. */
const patterns = [/`(?:npx )?rivulet ([a-z][^`]*)`/g, /^(?: {2,}|`)(?:[^`\n]*\| )?(?:npx )?rivulet ([a-z-].*)$/gm];

const commandsIn = (text: string): string[] =>
  patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, command]) => command!));

/** The arguments up to a redirection, a pipe or a remark, with a value in each place that the reader must fill in. */
function argumentsOf(command: string): string[] {
  const [own = ''] = command.replace(/<[^>]*>/g, 'x').split(/ [|<>] | {2,}| \\?$|`|\\n/, 1);
  const filled = own
    .replace(/\$\{options\}/g, '')
    .replace(/\$\{\w+(?:\.\w+)*\}/g, 'x')
    .replace(/ [A-Z](?= |$)/g, ' 1');
  return filled.replaceAll("'", '').trim().split(/\s+/);
}

/** Parses the arguments, and does nothing else. */
function parse(args: readonly string[]): void {
  const quiet = (command: Command): Command => {
    command.exitOverride().configureOutput({ writeErr: () => undefined, outputError: () => undefined });
    for (const sub of command.commands) quiet(sub);
    // The command kafka serves by itself, and has others below.
    const isGroup = command.commands.length > 0 && command.name() !== 'kafka';
    return isGroup ? command : command.action(() => undefined);
  };
  quiet(program()).parse([...args], { from: 'user' });
}

const found = texts.flatMap((file) =>
  commandsIn(readFileSync(file, 'utf8')).map((command) => [file, command] as const),
);
/** True for one command, false for the name of several commands or of an option. */
const isOne = (command: string): boolean =>
  !/^(groups|topics|--url|consume --group)$|\.\.\.$/.test(argumentsOf(command).join(' '));

test.each(found.filter(([, command]) => isOne(command)))('%s: rivulet %s', (_, command) => {
  expect(() => parse(argumentsOf(command))).not.toThrow();
});

test('the search finds commands, and a wrong one is refused', () => {
  expect(found.length).toBeGreaterThan(60);
  expect(() => parse(['consume', 'orders', '--from-begining'])).toThrow('unknown option');
});
