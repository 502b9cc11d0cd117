// The secrets with which a webhook's events are signed. After a rotation both sign for a day, so that the receiver can change over.
import type { SigningSecret } from '../../api/push.ts';
import type { Clock } from '../../runtime/clock.ts';

const secretBytes = 32;
const overlapMs = 24 * 3_600_000;

export const newSecret = (clock: Clock): string =>
  `whsec_${Buffer.from(clock.randomBytes(secretBytes)).toString('base64url')}`;

/** The secrets that sign now, the newest first. */
export const validSecrets = (secrets: readonly SigningSecret[], nowMs: number): SigningSecret[] =>
  secrets.filter(({ untilMs = Number.POSITIVE_INFINITY }) => untilMs > nowMs);

/** Only the last of the earlier ones goes on: a second rotation within a day ends the one before it. */
export function rotated(secrets: readonly SigningSecret[], clock: Clock) {
  const previousUntilMs = clock.now() + overlapMs;
  const secret = newSecret(clock);
  const [last] = secrets;
  const kept = last ? [{ secret: last.secret, untilMs: previousUntilMs }] : [];
  return { secret, previousUntilMs, secrets: [{ secret }, ...kept] };
}
