// SASL/SCRAM (RFC 5802, RFC 7677): the client proves that it knows the password, and the server that it knows the user. The
// password never travels, and what travels is good for one exchange: both sides put a nonce of their own into it.
//
// Invariant: an unknown user and a wrong password take the same steps, with the same answers up to the proof.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AuthenticationError, type Mechanism, textIn } from './exchange.ts';
import { hashes, type ScramName, type Users, type Verifier } from './users.ts';

/** The same words for both, so that nobody learns which names exist. */
export const wrongPassword = (): AuthenticationError => new AuthenticationError('wrong user or password');

const nonceBytes = 24;

export const scram = (name: ScramName, users: () => Users): Mechanism => ({
  name,
  needsTls: false,
  begin() {
    let begun: Begun | undefined;
    return {
      async next(message) {
        if (begun) return finish(name, begun, message, users);
        begun = begin(name, textIn(message), users());
        return { reply: Buffer.from(begun.serverFirst) };
      },
    };
  },
});

type Begun = {
  readonly user: string;
  readonly verifier: Verifier;
  readonly gs2Header: string;
  readonly clientNonce: string;
  readonly nonce: string;
  readonly clientFirst: string;
  readonly serverFirst: string;
};

const malformed = (name: ScramName) => new AuthenticationError(`${name}: expected a message of RFC 5802`);

function begin(scramName: ScramName, message: string, users: Users): Begun {
  // Channel binding (p=) is not offered. Extensions behind the nonce are ignored, as the RFC allows.
  const [, gs2Header, actsAs, clientFirst, name, clientNonce] =
    /^([ny],(?:a=([^,]*))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(message) ?? [];
  if (gs2Header === undefined) throw malformed(scramName);
  const user = nameIn(name!, scramName);
  if (actsAs && nameIn(actsAs, scramName) !== user)
    throw new AuthenticationError(`${scramName}: expected no other name to act as`);
  const verifier = users.verifierOf(user, scramName);
  const nonce = clientNonce + randomBytes(nonceBytes).toString('base64');
  const serverFirst = `r=${nonce},s=${verifier.salt.toString('base64')},i=${users.iterations}`;
  return { user, verifier, gs2Header, clientNonce: clientNonce!, nonce, clientFirst: clientFirst!, serverFirst };
}

/** A comma and an equals sign are escaped in names. */
function nameIn(text: string, scramName: ScramName): string {
  if (/=(?!2C|3D)/.test(text)) throw malformed(scramName);
  return text.replace(/=2C/g, ',').replace(/=3D/g, '=');
}

async function finish(name: ScramName, begun: Begun, message: Uint8Array, users: () => Users) {
  const { user, verifier, gs2Header, clientNonce, nonce, clientFirst, serverFirst } = begun;
  const text = textIn(message);
  const proofAt = text.lastIndexOf(',p=');
  const withoutProof = text.slice(0, proofAt);
  const [binding, sentNonce] = withoutProof.split(',');
  if (proofAt < 0 || binding !== `c=${Buffer.from(gs2Header).toString('base64')}`) throw malformed(name);
  // librdkafka 2.0.2 puts its own nonce in front once more. The server's part is still new each time.
  if (sentNonce !== `r=${nonce}` && sentNonce !== `r=${clientNonce}${nonce}`)
    throw new AuthenticationError(`${name}: expected the nonce of this exchange`);
  const signed = `${clientFirst},${serverFirst},${withoutProof}`;
  const proof = Buffer.from(text.slice(proofAt + ',p='.length), 'base64');
  if (!isProof(name, verifier, signed, proof)) throw wrongPassword();
  const signature = createHmac(hashes[name], verifier.serverKey).update(signed).digest('base64');
  return {
    reply: Buffer.from(`v=${signature}`),
    identity: {
      principal: user,
      isValid: () => users().isCurrent(user, name, verifier.storedKey),
    },
  };
}

/** The proof is the client key, hidden by a signature that only the stored key makes. */
function isProof(name: ScramName, { storedKey }: Verifier, signed: string, proof: Buffer): boolean {
  const signature = createHmac(hashes[name], storedKey).update(signed).digest();
  if (proof.length !== signature.length) return false;
  const clientKey = signature.map((byte, i) => byte ^ proof[i]!);
  return timingSafeEqual(createHash(hashes[name]).update(clientKey).digest(), storedKey);
}
