// The simulations that people run by hand read their flags here. A mistyped flag is refused, because a run of nothing
// finds nothing and would pass.
import { Command, InvalidArgumentError } from 'commander';
import type { Part } from './exhaustive.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import type { Simulation } from './worlds.ts';

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number, 0 or more.');
  return value;
}

export function whole(text: string): number {
  const value = number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

export function count(text: string): number {
  const value = whole(text);
  if (value === 0) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return value;
}

const wholeOrAll = (text: string): number | 'all' => (text === 'all' ? text : whole(text));

/** The names contain blanks and commas, so they are listed in quotes. */
function oneOf<T extends string>(names: readonly T[]): (text: string) => T {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`There are ${names.map((name) => `'${name}'`).join(', ')}.`);
  };
}

/** Writes the faults in the form that `faultList` reads. */
export const written = (faults: ReadonlyMap<number, FaultKind>): string =>
  [...faults].map(([call, kind]) => `${call}:${kind.replaceAll(' ', '-')}`).join(',');

/** `17:reply-lost,40:killed-after` says which fault happens at which call. */
function faultList(text: string): Map<number, FaultKind> {
  const names = faultKinds.map((known) => known.replaceAll(' ', '-'));
  return new Map(
    text
      .split(',')
      .filter(Boolean)
      .map((pair) => {
        const [call = '', name] = pair.split(':');
        const kind = faultKinds[names.indexOf(name ?? '')];
        if (!kind) throw new InvalidArgumentError(`Faults are ${names.join(', ')}.`);
        return [whole(call), kind];
      }),
  );
}

/** `3/20` means the third of twenty parts. */
function partOf(text: string): Part {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (!index || !of || Number(index) < 1 || Number(index) > Number(of))
    throw new InvalidArgumentError('It must be like 3/20, the third of twenty parts.');
  return { index: Number(index) - 1, of: Number(of) };
}

export type WorldFlags = {
  readonly world: string;
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly trace: boolean;
  readonly small?: string;
  readonly pairs: number | 'all';
  readonly part?: Part;
  readonly order: number;
  readonly faults?: Map<number, FaultKind>;
  readonly json: boolean;
};

/** The flags that the commands of all simulations have in common. */
export function commandOfWorlds({ script, description, randomWorlds, smallWorlds }: Simulation): Command {
  const [random, small] = [randomWorlds.map(({ name }) => name), smallWorlds.map(({ name }) => name)];
  const about = smallWorlds.map(({ name, about }) => `\n  ${name}${about ? `: ${about}` : ''}`);
  return new Command(`npm run ${script} --`)
    .description(description)
    .option('--world <name>', 'which kind of random world', oneOf(random), random[0])
    .option('--seeds <n>', 'so many of it', count, 100)
    .option('--from <n>', 'the first of them', whole, 1)
    .option('--seed <n>', 'only this one', whole)
    .option('--trace', 'print what happens', false)
    .option('--small <name>', 'every fault at every call of a small world, or of all', oneOf(['all', ...small]))
    .option('--pairs <n>', 'with --small: and so many pairs of faults of each, or all', wholeOrAll, 0)
    .option('--part <k/n>', 'with --small: of n parts of the single faults, with their pairs, the k-th', partOf)
    .option(
      '--faults <list>',
      'exactly these, as 17:reply-lost,40:killed-after (call number: kind); with --small one case, with its trace',
      faultList,
    )
    .option('--order <n>', 'with --faults: in this order of steps', whole, 0)
    .option('--json', 'print what it came to as JSON', false)
    .addHelpText('after', `\nRandom worlds: ${random.join('; ')}\nSmall worlds:${about.join('')}`);
}
