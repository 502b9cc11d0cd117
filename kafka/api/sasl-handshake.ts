// SaslHandshake (17). Names the mechanism by which the client will authenticate.
//
// Versions 0 to 1. After version 1 the messages come in SaslAuthenticate, after version 0 as they are, each behind its length.
// A listener without SASL answers ILLEGAL_SASL_STATE, as Apache Kafka does. To authenticate again a client must keep its mechanism.
import { defineApi } from '../api.ts';

type Request = { readonly mechanism: string };

type Reply = { readonly errorCode: number; readonly mechanisms: readonly string[] };

export const saslHandshake = defineApi<Request, Reply>({
  key: 17,
  versions: [0, 1],
  overlaps: false,
  answer: async (_, { mechanism }, { session, version }) => session.handshake(mechanism, version),
});
