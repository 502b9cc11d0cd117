// The formats of every command that prints data: `-o json`, `-o yaml` and `-o table`. Without one, a command prints what Kafka's
// tool of the same name prints.
import { type Command, Option } from 'commander';
import { printJson, printTable } from './output.ts';

export type FormatFlags = { readonly output?: 'json' | 'yaml' | 'table' };

/** Adds the options to a command. `--json` is the same as `-o json`. */
export function withFormats(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'print every field, or a table').choices(['json', 'yaml', 'table']))
    .addOption(new Option('--json', 'the same as -o json').implies({ output: 'json' }));
}

export type Table = { readonly headings: readonly string[]; readonly rows: readonly (readonly (string | number)[])[] };

/**
 * @param value what json and yaml print.
 * @param plain prints it as the command does without a format.
 * @param table is needed where `plain` prints no table.
 */
export async function printFormatted(
  { output }: FormatFlags,
  value: unknown,
  plain: () => void,
  table?: () => Table,
): Promise<void> {
  if (output === 'json') return printJson(value);
  if (output === 'yaml') {
    const { stringify } = await import('yaml');
    process.stdout.write(stringify(value));
    return;
  }
  if (output === undefined || table === undefined) return plain();
  const { headings, rows } = table();
  printTable(headings, rows);
}
