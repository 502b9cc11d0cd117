// This file reports a failure in one line: `rivulet: <detail> (ERROR_CODE, not written)`. Only a write has an outcome.
import type { Outcome } from '../lib/api/errors.ts';

const outcomes: Readonly<Record<Outcome, string>> = {
  'not-written': 'not written',
  written: 'written',
  unknown: 'may have been written',
};

type Described = Error & {
  readonly detail?: string;
  readonly errorCode?: string;
  readonly outcome?: Outcome;
  readonly results?: readonly unknown[];
};

/** Prints the failure. RIVULET_DEBUG=1 adds the stack and the causes. */
export function reportFailure(error: unknown): void {
  console.error(`rivulet: ${describeFailure(error)}`);
  if (process.env.RIVULET_DEBUG === '1') console.error(error);
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { detail = error.message, errorCode, outcome, results = [] }: Described = error;
  const text = oneLine(detail) + hint(error);
  if (errorCode === undefined) return text;
  const isPartlyDone = results.some((one) => !(one instanceof Error));
  const told = outcome && (isPartlyDone ? 'others are done' : outcomes[outcome]);
  return `${text} (${[errorCode, ...(told ? [told] : [])].join(', ')})`;
}

export function hasErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'errorCode' in error && error.errorCode === code;
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');

function hint({ cause }: Error): string {
  const refused = cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
  return refused ? '; is the service running there? `npx rivulet serve` starts one on this machine' : '';
}
