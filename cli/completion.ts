// The command `completion` prints a script that completes commands, options and their choices in a shell. The script is whole: a
// shell that starts the command line for each Tab would make its reader wait.
import { Argument, type Command } from 'commander';
import { printLine } from './output.ts';

const help = `
Load it once in each shell, or put the line into its start file:
  bash  source <(rivulet completion bash)
  zsh   source <(rivulet completion zsh)
  fish  rivulet completion fish | source`;

export function addCompletion(rivulet: Command): void {
  rivulet
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)))
    .addHelpText('after', help)
    .action((shell: keyof typeof shells) => printLine(shells[shell](nodesOf(rivulet))));
}

type Flag = { readonly flags: readonly string[]; readonly description: string; readonly choices: readonly string[] };
/** A command, with the words that lead to it: [] for `rivulet`, ['topics', 'list'] for `rivulet topics list`. */
type Node = {
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly string[];
  readonly flags: readonly Flag[];
};

function nodesOf(command: Command, path: readonly string[] = []): readonly Node[] {
  const named = [...command.options, ...(path.length === 0 ? [] : [command.createOption('--help', 'display help')])];
  const node = {
    path,
    description: command.description(),
    commands: command.commands.map((one) => one.name()),
    flags: named.map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      description: option.description,
      choices: option.argChoices ?? [],
    })),
  };
  return [node, ...command.commands.flatMap((one) => nodesOf(one, [...path, one.name()]))];
}

const shells = {
  bash,
  zsh: (nodes: readonly Node[]) => `autoload -U +X bashcompinit && bashcompinit\n${bash(nodes)}`,
  fish,
};

// --- bash

function bash(nodes: readonly Node[]): string {
  const known = nodes.slice(1).map(({ path }) => `'${path.join(' ')}'`);
  return `_rivulet() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[$((COMP_CWORD - 1))]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "\${path:+$path }$word" in
      ${known.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $previous" in
${nodes.flatMap(choiceCases).join('\n')}
    *) case "$path" in
${nodes.map(wordCase).join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _rivulet rivulet`;
}

const choiceCases = ({ path, flags }: Node): string[] =>
  flags
    .filter(({ choices }) => choices.length > 0)
    .map(({ flags: names, choices }) => {
      const patterns = names.map((name) => `'${path.join(' ')} ${name}'`).join('|');
      return `    ${patterns}) words='${choices.join(' ')}' ;;`;
    });

const wordCase = ({ path, commands, flags }: Node): string =>
  `      '${path.join(' ')}') words='${[...commands, ...flags.flatMap((flag) => flag.flags)].join(' ')}' ;;`;

// --- fish

function fish(nodes: readonly Node[]): string {
  const descriptions = new Map(nodes.map(({ path, description }) => [path.join(' '), description]));
  return nodes
    .flatMap(({ path, commands, flags }) => {
      const condition = `-n ${quoted(seen(path, commands))}`;
      const words = commands.map((name) => {
        const description = descriptions.get([...path, name].join(' '))!;
        return `complete -c rivulet -f ${condition} -a ${name} -d ${quoted(description)}`;
      });
      return [...words, ...flags.map((flag) => `complete -c rivulet ${condition} ${fishFlag(flag)}`)];
    })
    .join('\n');
}

function seen(path: readonly string[], commands: readonly string[]): string {
  const before = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const after = commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.join(' ')}`];
  return [...before, ...after].join('; and ');
}

function fishFlag({ flags, description, choices }: Flag): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const values = choices.length === 0 ? [] : [`-x -a ${quoted(choices.join(' '))}`];
  return [...names, ...values, `-d ${quoted(description)}`].join(' ');
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
