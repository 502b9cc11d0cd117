// Each command of ours that a person may copy, from the documents, the help, a hint or the demo, is one that the command line
// takes. What it does is tested elsewhere.
import { globSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { program } from '../../cli/program.ts';

const texts = ['README.md', ...globSync(['docs/**/*.md', 'cli/*.ts', 'examples/*.ts', 'emulator/*.ts'])];

/** In backticks, or on a line of its own, perhaps behind a pipe. */
const patterns = [/`(?:npx )?rivulet ([a-z][^`]*)`/g, /^(?: {2,}|`)(?:[^`\n]*\| )?(?:npx )?rivulet ([a-z-].*)$/gm];

const commandsIn = (text: string): string[] =>
  patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, command]) => command!));

/** Up to a redirection, a pipe or a remark; with something in the place of what is to be filled in. */
function argumentsOf(command: string): string[] {
  const [own = ''] = command.replace(/<[^>]*>/g, 'x').split(/ [|<>] | {2,}| \\?$|`|\\n/, 1);
  const filled = own
    .replace(/\$\{options\}/g, '')
    .replace(/\$\{\w+(?:\.\w+)*\}/g, 'x')
    .replace(/ [A-Z](?= |$)/g, ' 1');
  return filled.replaceAll("'", '').trim().split(/\s+/);
}

/** Parses, and does nothing. */
function parse(args: readonly string[]): void {
  const quiet = (command: Command): Command => {
    command.exitOverride().configureOutput({ writeErr: () => undefined, outputError: () => undefined });
    for (const sub of command.commands) quiet(sub);
    return command.commands.length > 0 ? command : command.action(() => undefined);
  };
  quiet(program()).parse([...args], { from: 'user' });
}

const found = texts.flatMap((file) =>
  commandsIn(readFileSync(file, 'utf8')).map((command) => [file, command] as const),
);
/** And not the name of several, or of an option. */
const isOne = (command: string): boolean =>
  !/^(groups|topics|--url|consume --group)$|\.\.\.$/.test(argumentsOf(command).join(' '));

test.each(found.filter(([, command]) => isOne(command)))('%s: rivulet %s', (_, command) => {
  expect(() => parse(argumentsOf(command))).not.toThrow();
});

test('they are found', () => {
  expect(found.length).toBeGreaterThan(60);
  expect(() => parse(['consume', 'orders', '--from-begining'])).toThrow('unknown option');
});
