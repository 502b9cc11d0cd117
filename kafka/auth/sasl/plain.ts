// SASL/PLAIN (RFC 4616): a name and a password in one message. It needs TLS, because the password travels as it is.
import { timingSafeEqual } from 'node:crypto';
import { AuthenticationError, type Identity, type Mechanism, nothing, textIn } from './exchange.ts';
import { wrongPassword } from './scram.ts';
import { keysOf, type Users } from './users.ts';

const scram = 'SCRAM-SHA-256';

export const plain = (users: () => Users): Mechanism => ({
  name: 'PLAIN',
  needsTls: true,
  begin: () => ({ next: async (message) => ({ reply: nothing, identity: await identify(users, message) }) }),
});

async function identify(users: () => Users, message: Uint8Array): Promise<Identity> {
  const parts = textIn(message).split('\0');
  const [actsAs, name, password] = parts;
  if (parts.length !== 3 || !name || !password || (actsAs !== '' && actsAs !== name))
    throw new AuthenticationError('PLAIN: expected a name and a password, for the same name');
  const { storedKey, salt } = users().verifierOf(name, scram);
  const derived = await keysOf(password, salt, users().iterations, scram);
  if (!timingSafeEqual(derived.storedKey, storedKey)) throw wrongPassword();
  return { principal: name, isValid: () => users().isCurrent(name, scram, storedKey) };
}
