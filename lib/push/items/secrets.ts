// The secrets with which a webhook's events are signed. After a rotation the one before signs too for a day, so that the receiver
// can change over.
import type { SigningSecret } from '../../api/push.ts';
import type { Clock } from '../../runtime/clock.ts';

const secretBytes = 32;
const mostSecrets = 3;
const overlapMs = 24 * 3_600_000;

export const newSecret = (clock: Clock): string =>
  `whsec_${Buffer.from(clock.randomBytes(secretBytes)).toString('base64url')}`;

/** The secrets that sign now, the newest first. */
export const validSecrets = (secrets: readonly SigningSecret[], nowMs: number): SigningSecret[] =>
  secrets.filter(({ untilMs = Number.POSITIVE_INFINITY }) => untilMs > nowMs);

/**
 * Each of the earlier ones goes on for its day, also after a rotation that came twice because its reply was lost: the one that the
 * receiver has is among them. The last few of many rotations count.
 */
export function rotated(secrets: readonly SigningSecret[], clock: Clock) {
  const nowMs = clock.now();
  const previousUntilMs = nowMs + overlapMs;
  const secret = newSecret(clock);
  const kept = validSecrets(secrets, nowMs).map((one) => ({ untilMs: previousUntilMs, ...one }));
  return { secret, previousUntilMs, secrets: [{ secret }, ...kept].slice(0, mostSecrets) };
}
