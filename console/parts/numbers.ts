// Numbers as people read them. Invariant: nothing is rounded without the exact value beside it (a title, or the next column).

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** 1234567 -> `1,234,567`, in the person's own notation. It is exact, also for a bigint. */
export const count = (value: number | bigint): string => whole.format(value);

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** 1536 -> `1.5 KiB`. */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${short.format(value / 1024 ** power)} ${units[power]}`;
}

/** 0.25 -> `0.3/s`. */
/** Undefined is not known yet: it takes two looks. */
export const rate = (perSecond: number | undefined): string =>
  perSecond === undefined ? '...' : `${short.format(perSecond)}/s`;

const steps = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** 5400000 -> `1.5 h`. */
export function duration(ms: number): string {
  const [unit, length] = steps.find(([, length]) => Math.abs(ms) >= length) ?? (['ms', 1] as const);
  return `${short.format(ms / length)} ${unit}`;
}

export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;

const money = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 });

/** 0.000012345 -> `$0.000012`: one call costs some millionths. */
export const dollars = (usd: number): string => `$${money.format(usd)}`;
