// The users file holds for each user and each hash what SCRAM needs to verify a password. Its content is not enough to sign
// in, but a weak password can be guessed from it.
//
// Invariant: all users of a file have the same iterations, and the file has a secret of its own. So an unknown user gets a
// salt that always stays the same, and cannot be told from a known one.
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import * as z from 'zod';
import { createGate } from '../../../lib/runtime/concurrency.ts';

export const hashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
export type ScramName = keyof typeof hashes;
export const scramNames = Object.keys(hashes) as ScramName[];

export type Verifier = { readonly salt: Buffer; readonly storedKey: Buffer; readonly serverKey: Buffer };

export type Users = {
  readonly iterations: number;
  /** The verifier of a user; one that no password fits if there is no such user. */
  verifierOf(name: string, scram: ScramName): Verifier;
  /** Whether the user still has this password. It is asked at every request. */
  isCurrent(name: string, scram: ScramName, storedKey: Buffer): boolean;
};

const base64 = z
  .base64()
  .max(1_024)
  .transform((text) => Buffer.from(text, 'base64'));

const verifier = z.strictObject({ salt: base64, storedKey: base64, serverKey: base64 });

/** Kafka's clients refuse fewer iterations. */
const leastIterations = 4_096;
const mostIterations = 1_000_000;
const defaultIterations = 16_384;
const saltBytes = 16;
const secretBytes = 32;
const mostNameLength = 255;

const file = z.strictObject({
  version: z.literal(1),
  secret: base64.refine((secret) => secret.length >= secretBytes, `must have ${secretBytes} bytes or more`),
  iterations: z.int().min(leastIterations).max(mostIterations),
  users: z
    .array(z.strictObject({ name: z.string(), 'SCRAM-SHA-256': verifier, 'SCRAM-SHA-512': verifier }))
    .refine((users) => new Set(users.map(({ name }) => name)).size === users.length, 'must have each name once'),
});

type User = { readonly name: string } & { readonly [scram in ScramName]: Verifier };
type UsersFile = {
  readonly version: 1;
  readonly secret: Buffer;
  readonly iterations: number;
  readonly users: readonly User[];
};

/** Throws an error that names the field. */
function parsed(text: string): UsersFile {
  const { data, error } = file.safeParse(jsonIn(text));
  if (data) return data;
  const { path, message } = error.issues[0]!;
  throw new Error(`users file: ${path.join('.') || 'its content'}: ${message}`);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`users file: expected JSON: ${(error as Error).message}`);
  }
}

export function readUsers(text: string): Users {
  const { users, iterations, secret } = parsed(text);
  const byName = new Map(users.map((user) => [user.name, user]));
  const derived = (what: string, name: string, scram: ScramName, hash: string): Buffer =>
    createHmac(hash, secret).update(`${what} ${scram} ${name}`).digest();
  return {
    iterations,
    verifierOf(name, scram) {
      // All of it is computed for a known user too, so that both take the same time.
      const salt = derived('salt', name, scram, 'sha256').subarray(0, saltBytes);
      const storedKey = derived('stored', name, scram, hashes[scram]);
      const serverKey = derived('server', name, scram, hashes[scram]);
      return byName.get(name)?.[scram] ?? { salt, storedKey, serverKey };
    },
    isCurrent: (name, scram, storedKey) => byName.get(name)?.[scram].storedKey.equals(storedKey) ?? false,
  };
}

/** The text of a file with one user more, or with another password. Without a text it begins a file. */
export async function withUser(text: string | undefined, name: string, password: string): Promise<string> {
  checkName(name);
  if (password === '') throw new Error('password: expected one character or more, got none');
  const before = text === undefined ? newFile() : parsed(text);
  const [first, second] = await Promise.all(scramNames.map((scram) => newVerifier(password, before.iterations, scram)));
  const user = { name, 'SCRAM-SHA-256': first!, 'SCRAM-SHA-512': second! };
  return textOf({ ...before, users: [...before.users.filter((other) => other.name !== name), user] });
}

/** Throws if there is no such user. */
export function withoutUser(text: string, name: string): string {
  const before = parsed(text);
  const users = before.users.filter((user) => user.name !== name);
  if (users.length === before.users.length) throw new Error(`there is no user ${name} in the file`);
  return textOf({ ...before, users });
}

export const userNames = (text: string): string[] => parsed(text).users.map(({ name }) => name);

/** Control characters would make two names look the same. */
function checkName(name: string): void {
  if (/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u.test(name) && name.length <= mostNameLength) return;
  throw new Error(`user: expected 1 to ${mostNameLength} printable characters, got ${JSON.stringify(name)}`);
}

const newFile = (): UsersFile => ({
  ...{ version: 1, secret: randomBytes(secretBytes), iterations: defaultIterations, users: [] },
});

function textOf(content: UsersFile): string {
  const users = content.users.map((user) => ({
    name: user.name,
    ...Object.fromEntries(
      scramNames.map((scram) => [
        scram,
        Object.fromEntries(Object.entries(user[scram]).map(([field, bytes]) => [field, bytes.toString('base64')])),
      ]),
    ),
  }));
  return `${JSON.stringify({ ...content, secret: content.secret.toString('base64'), users }, undefined, 2)}\n`;
}

async function newVerifier(password: string, iterations: number, scram: ScramName): Promise<Verifier> {
  const salt = randomBytes(saltBytes);
  return { salt, ...(await keysOf(password, salt, iterations, scram)) };
}

const derive = promisify(pbkdf2);
/** A derivation takes some ten milliseconds of a thread, and the files share the threads. */
const derivations = createGate(2);

/** RFC 5802, section 3. */
export async function keysOf(password: string, salt: Uint8Array, iterations: number, scram: ScramName) {
  const hash = hashes[scram];
  const bytes = createHash(hash).digest().length;
  const salted = await derivations.run(() => derive(password, salt, iterations, bytes, hash));
  const clientKey = createHmac(hash, salted).update('Client Key').digest();
  const serverKey = createHmac(hash, salted).update('Server Key').digest();
  return { storedKey: createHash(hash).update(clientKey).digest(), serverKey };
}
