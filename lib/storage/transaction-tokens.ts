// The tokens of transactions, and their promise, kept for the adapters without DynamoDB: actions that were applied once
// under a token are not applied again.
import { createHash } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';
import type { Check, TransactionResult, Write } from './table.ts';
import { tokenReused } from './table-rules.ts';

/** Each transaction has a token of its own. All tries of the transaction share it. */
export const newToken = (clock: Pick<Clock, 'randomBytes'>): string =>
  Buffer.from(clock.randomBytes(16)).toString('hex');

/** DynamoDB remembers tokens for ten minutes. A count needs no clock, and a caller in this process repeats within seconds. */
export const tokensRemembered = 10_000;

/** Maps a token to the digest of the actions that were applied under it. */
export type TokenStore = {
  get(token: string): string | undefined;
  put(token: string, digest: string): void;
};

/** Runs the transaction unless it was applied before. It throws `invalid` if the token was used for other actions. */
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
