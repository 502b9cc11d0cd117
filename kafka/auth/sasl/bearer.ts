// SASL/OAUTHBEARER (RFC 7628): the client shows a token. The form of a token tells which of the verifiers it is for.
import { AuthenticationError, type Identity, type Mechanism, nothing, textIn } from './exchange.ts';

export type TokenVerifier = {
  /** Whether a token has the form of this kind. Decides nothing. */
  fits(token: string): boolean;
  /** Rejects with AuthenticationError. */
  verify(token: string): Promise<Identity>;
};

export const oauthBearer = (verifiers: readonly TokenVerifier[]): Mechanism => ({
  name: 'OAUTHBEARER',
  needsTls: true,
  begin: () => ({ next: async (message) => ({ reply: nothing, identity: await identify(verifiers, message) }) }),
});

async function identify(verifiers: readonly TokenVerifier[], message: Uint8Array): Promise<Identity> {
  const { token, actsAs } = parsed(textIn(message));
  const verifier = verifiers.find(({ fits }) => fits(token));
  if (!verifier) throw new AuthenticationError('OAUTHBEARER: expected a token of a kind that is accepted here');
  const identity = await verifier.verify(token);
  if (actsAs !== '' && actsAs !== identity.principal)
    throw new AuthenticationError('OAUTHBEARER: expected no other name to act as');
  return identity;
}

/** `n,a=NAME,` and then, each ended by a byte of 1, pairs of which one is `auth=Bearer TOKEN`; one more such byte at the end. */
function parsed(message: string): { token: string; actsAs: string } {
  const [header = '', ...rest] = message.split('\x01');
  const [, actsAs = ''] = /^n,(?:a=([^,]*))?,$/.exec(header) ?? [];
  const tokens = rest.flatMap((pair) => /^auth=bearer ([\w.~+/=-]+)$/i.exec(pair)?.[1] ?? []);
  const isWhole = rest.length >= 3 && rest.slice(-2).every((pair) => pair === '');
  if (!/^n,(?:a=[^,]*)?,$/.test(header) || !isWhole || tokens.length !== 1)
    throw new AuthenticationError('OAUTHBEARER: expected a message of RFC 7628 with one token');
  return { token: tokens[0]!, actsAs };
}
