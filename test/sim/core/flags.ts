// How the simulations by hand read their flags. What is mistyped is refused: a run of nothing finds nothing, and would pass.
import { Command, InvalidArgumentError } from 'commander';
import { type FaultKind, faultKinds } from './faults.ts';

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

export const wholeOrAll = (text: string): number | 'all' => (text === 'all' ? text : whole(text));

/** Names have blanks and commas: so they are listed in quotes. */
function oneOf<T extends string>(names: readonly T[]): (text: string) => T {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`There are ${names.map((name) => `'${name}'`).join(', ')}.`);
  };
}

/** As `faultList` reads them. */
export const written = (faults: ReadonlyMap<number, FaultKind>): string =>
  [...faults].map(([call, kind]) => `${call}:${kind.replaceAll(' ', '-')}`).join(',');

/** `17:reply-lost,40:killed-after`: what happens at which call. */
export function faultList(text: string): Map<number, FaultKind> {
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

type Worlds = { readonly worlds: readonly string[]; readonly usual: string; readonly smallWorlds: readonly string[] };

/** What the commands of all random and small worlds can be asked for. */
export const commandOfWorlds = (script: string, { worlds, usual, smallWorlds }: Worlds): Command =>
  new Command(`npm run ${script} --`)
    .option('--world <name>', 'which kind', oneOf(worlds), usual)
    .option('--seeds <n>', 'so many worlds', count, 100)
    .option('--seed <n>', 'one world, with its trace', whole)
    .option('--small <name>', 'every fault at every call of a small world, or of all', oneOf(['all', ...smallWorlds]))
    .addHelpText('after', `\nWorlds: ${worlds.join('; ')}\nSmall worlds: ${smallWorlds.join('; ')}`);
