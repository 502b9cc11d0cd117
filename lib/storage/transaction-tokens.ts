// Remembers the tokens of transactions that were applied, so that a repeat does nothing. Only for adapters that live in
// the caller's own process: whoever could repeat a transaction dies together with this memory.
import { createHash } from 'node:crypto';
import type { Check, Write } from './table.ts';
import { tokenReused } from './table-rules.ts';

/** DynamoDB remembers ten minutes; a count needs no clock, and a repeat in the same process comes within seconds. */
const REMEMBERED = 10_000;

type Actions = readonly (Write | Check)[];

export type TransactionTokens = {
  /** True when these actions were applied under this token; throws `invalid` when others were. */
  has(token: string, actions: Actions): boolean;
  add(token: string, actions: Actions): void;
};

export function createTransactionTokens(): TransactionTokens {
  const digests = new Map<string, string>();
  return {
    has(token, actions) {
      const digest = digests.get(token);
      if (digest === undefined) return false;
      if (digest !== digestOf(actions)) throw tokenReused(token);
      return true;
    },
    add(token, actions) {
      digests.set(token, digestOf(actions));
      if (digests.size > REMEMBERED) digests.delete(digests.keys().next().value!);
    },
  };
}

function digestOf(actions: Actions): string {
  const text = JSON.stringify(actions, (_name, value) =>
    value instanceof Uint8Array ? { '': Buffer.from(value).toString('base64') } : value,
  );
  return createHash('sha256').update(text).digest('base64');
}
