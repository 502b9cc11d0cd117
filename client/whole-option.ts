// Options are checked where they come in, so that a typo is an immediate error and not a producer that never sends.
import { invalid } from './client-error.ts';

export type Bounds = { readonly fallback: number; readonly min: number; readonly max?: number };

/** Throws RivuletClientError INVALID_REQUEST, naming the option, its bounds and the value. */
export function wholeOption(name: string, given: number | undefined, bounds: Bounds): number {
  const { fallback, min, max = Number.MAX_SAFE_INTEGER } = bounds;
  if (given === undefined) return fallback;
  if (Number.isSafeInteger(given) && given >= min && given <= max) return given;
  throw invalid(`${name}: expected a whole number from ${min} to ${max}, got ${given}`);
}

/** Throws RivuletClientError INVALID_REQUEST, naming the option, its choices and the value. */
export function choiceOption<T>(name: string, given: T | undefined, choices: readonly T[], fallback: T): T {
  if (given === undefined) return fallback;
  if (choices.includes(given)) return given;
  throw invalid(`${name}: expected ${choices.join(', ')}, got ${String(given)}`);
}

/** Checks the functions that the SDK calls later, when a mistake would go unnoticed. */
export function checkFunctions<T extends object>(options: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const given = options[name];
    if (given !== undefined && typeof given !== 'function')
      throw invalid(`${name}: expected a function, got ${given === null ? 'null' : typeof given}`);
  }
}

/** Checks objects that the SDK calls later by a method. */
export function checkMethods<T extends object>(options: T, methods: Readonly<Partial<Record<keyof T, string>>>): void {
  for (const [name, method] of Object.entries(methods) as [keyof T & string, string][]) {
    const given = options[name] as Record<string, unknown> | null | undefined;
    if (given !== undefined && typeof given?.[method] !== 'function')
      throw invalid(
        `${name}: expected an object with a function ${method}, got ${given === null ? 'null' : typeof given}`,
      );
  }
}
