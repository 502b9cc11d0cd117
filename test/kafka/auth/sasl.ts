// The client's side of SASL, step by step, so that tests can also say what no client would.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { key, type Wire } from '../wire.ts';

export const shake = (wire: Wire, mechanism: string, version = 1) =>
  wire.ask(key.saslHandshake, version, { mechanism });

export const say = (wire: Wire, authBytes: string | Uint8Array, version = 2) =>
  wire.ask(key.saslAuthenticate, version, { authBytes: Buffer.from(authBytes) });

export async function plainOn(wire: Wire, user: string, password: string) {
  await shake(wire, 'PLAIN');
  return say(wire, `\0${user}\0${password}`);
}

const hashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
type ScramName = keyof typeof hashes;

export type ServerFirst = {
  readonly nonce: string;
  readonly salt: string;
  readonly iterations: number;
  readonly text: string;
};

export function serverFirst(message: Uint8Array): ServerFirst {
  const text = Buffer.from(message).toString();
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text)!;
  return { nonce: nonce!, salt: salt!, iterations: Number(iterations), text };
}

export function clientFinal(
  name: ScramName,
  clientFirst: string,
  first: ServerFirst,
  password: string,
  binding = 'n,,',
) {
  const hash = hashes[name];
  const bytes = createHash(hash).digest().length;
  const salted = pbkdf2Sync(password, Buffer.from(first.salt, 'base64'), first.iterations, bytes, hash);
  const clientKey = createHmac(hash, salted).update('Client Key').digest();
  const storedKey = createHash(hash).update(clientKey).digest();
  const withoutProof = `c=${Buffer.from(binding).toString('base64')},r=${first.nonce}`;
  const signed = `${clientFirst},${first.text},${withoutProof}`;
  const signature = createHmac(hash, storedKey).update(signed).digest();
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64');
  const serverKey = createHmac(hash, salted).update('Server Key').digest();
  return {
    text: `${withoutProof},p=${proof}`,
    serverFinal: `v=${createHmac(hash, serverKey).update(signed).digest('base64')}`,
  };
}

/** A whole exchange. Resolves with the last reply. */
export async function scramOn(wire: Wire, name: ScramName, user: string, password: string) {
  await shake(wire, name);
  const clientFirst = `n=${user},r=abcdef`;
  const first = serverFirst((await say(wire, `n,,${clientFirst}`)).authBytes);
  return say(wire, clientFinal(name, clientFirst, first, password).text);
}

export const bearer = (token: string, header = 'n,,') => `${header}\x01auth=Bearer ${token}\x01\x01`;
