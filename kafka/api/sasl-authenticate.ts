// SaslAuthenticate (36). Carries a message of the mechanism that SaslHandshake has named.
//
// Versions 0 to 2; from version 1 on the reply says when the client has to authenticate again. After a failure the connection
// is closed. Deviation: OAUTHBEARER fails with this error, and not with a challenge first.
import { defineApi } from '../api.ts';
import { AuthenticationError } from '../auth/sasl/exchange.ts';

type Request = { readonly authBytes: Uint8Array };

type Reply = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly authBytes: Uint8Array;
  readonly sessionLifetimeMs: number;
};

export const saslAuthenticate = defineApi<Request, Reply>({
  key: 36,
  versions: [0, 2],
  overlaps: false,
  async answer({ onError }, { authBytes }, { session }) {
    const reply = await session.authenticate(authBytes);
    if (session.hasFailed()) onError(new AuthenticationError(reply.errorMessage!));
    return reply;
  },
});
