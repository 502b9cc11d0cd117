// The promise of a transaction's token: what was applied under it once is not applied again. For the adapters that
// have no DynamoDB behind them.
import { createHash } from 'node:crypto';
import type { Check, TransactionResult, Write } from './table.ts';
import { tokenReused } from './table-rules.ts';

/** DynamoDB remembers for ten minutes; a count needs no clock, and who repeats in the same process does so in seconds. */
export const tokensRemembered = 10_000;

/** Token -> digest of the actions that were applied under it. */
export type TokenStore = {
  get(token: string): string | undefined;
  put(token: string, digest: string): void;
};

/** Runs the transaction unless it was applied before; throws `invalid` when the token was used for other actions. */
export function runOnce(
  tokens: TokenStore,
  token: string,
  actions: readonly (Write | Check)[],
  run: () => TransactionResult,
): TransactionResult {
  const digest = digestOf(actions);
  const known = tokens.get(token);
  if (known !== undefined && known !== digest) throw tokenReused(token);
  if (known !== undefined) return { applied: true };
  const result = run();
  if (result.applied) tokens.put(token, digest);
  return result;
}

function digestOf(actions: readonly (Write | Check)[]): string {
  const text = JSON.stringify(actions, (_name, value) =>
    value instanceof Uint8Array ? { '': Buffer.from(value).toString('base64') } : value,
  );
  return createHash('sha256').update(text).digest('base64');
}
