// Checks the signature of a webhook's events. docs/PUSH.md quotes this file, and the demo and a test run it.
import { createHmac, timingSafeEqual } from 'node:crypto';

const tolerance = 300;

/** @param header The header `Rivulet-Signature`. @param body The body as it came, before it is parsed. */
export function isSigned(header: string, body: string, secret: string, nowSeconds = Date.now() / 1000): boolean {
  const fields = header.split(', ').map((field) => field.split('='));
  const time = fields.find(([name]) => name === 't')?.[1] ?? '';
  if (!(Math.abs(nowSeconds - Number(time)) <= tolerance)) return false; // An old event may be a recorded one.
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest();
  const given = fields.filter(([name]) => name === 'v1').map(([, hex]) => Buffer.from(hex ?? '', 'hex'));
  return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}
