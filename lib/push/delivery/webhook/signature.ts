// The signature of a webhook's events, in the header `Rivulet-Signature: t=1764504000, v1=5257a8...`. `t` is the time of sending
// in seconds, and `v1` the hexadecimal HMAC-SHA256 of `t`, a full stop and the body. While a secret is being replaced there
// are two `v1`, one for each secret: a receiver accepts the event if one of them is right.
//
// Invariant: the time is signed together with the body, so that a recorded event cannot be sent again later.
import { createHmac } from 'node:crypto';
import type { SigningSecret } from '../../../api/push.ts';

export const SIGNATURE_HEADER = 'rivulet-signature';

/** A secret that was replaced signs as long as it is valid. */
export function signatureOf(body: string, secrets: readonly SigningSecret[], nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const valid = secrets.filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs);
  const signatures = valid.map(({ secret }) => `v1=${hmac(secret, `${seconds}.${body}`)}`);
  return [`t=${seconds}`, ...signatures].join(', ');
}

const hmac = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('hex');
