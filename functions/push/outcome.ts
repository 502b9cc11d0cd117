// Carries the outcome of a call from one function to another. Lambda would carry an error without its code.
import { type Outcome as DataOutcome, type ErrorCode, RivuletError } from '../../lib/api/errors.ts';

export type Outcome<T> =
  | { readonly value: T }
  | {
      readonly errorCode: ErrorCode;
      readonly detail: string;
      readonly outcome?: DataOutcome | undefined;
      readonly extra: Readonly<Record<string, string | number>>;
    };

export async function outcomeOf<T>(call: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await call };
  } catch (error) {
    if (!(error instanceof RivuletError)) throw error;
    const { errorCode, message: detail, outcome, extra } = error;
    return { errorCode, detail, outcome, extra };
  }
}

export function resultOf<T>(outcome: Outcome<T>): T {
  if ('value' in outcome) return outcome.value;
  const { errorCode, detail, extra } = outcome;
  throw new RivuletError(errorCode, detail, {
    ...(outcome.outcome && { outcome: outcome.outcome }),
    extra: { ...extra },
  });
}
