// From the bytes of a request to the bytes of its reply.
//
// Invariant: only the APIs and versions that are offered reach a handler, and of a request only what its principal may do.
// Anything else closes the connection, apart from ApiVersions in a version that is too new: its reply tells the client what to
// ask for.

import { apiVersionsKey } from './api/api-versions.ts';
import type { Api, Call, Gateway } from './api.ts';
import { apis, apiVersions } from './apis.ts';
import type { Message } from './auth/rules/guards.ts';
import { guardOf } from './auth/rules/rights.ts';
import { everything, type Rights } from './auth/rules/rules.ts';
import { AuthenticationError } from './auth/sasl/exchange.ts';
import { isOfSasl, type Session } from './auth/session.ts';
import { lengthPrefixBytes, nameOfApi, peekHeader, readRequest, replyFrame } from './codec/frame.ts';
import { MalformedFrameError } from './codec/malformed-frame.ts';
import { code } from './errors.ts';

export type Request = {
  /** Whether the request may be at work beside the others of its connection. */
  readonly overlaps: boolean;
  /** Whether it waits for the earlier ones of this kind all the same. */
  readonly takesTurns: boolean;
  /** About so much memory is taken by what was read from the frame, beside the frame. */
  readonly elementBytes: number;
  /** The pieces of the reply, or undefined if the client expects none. Rejects if the connection must be closed. */
  readonly answer: (gateway: Gateway, connection: Client) => Promise<Reply | undefined>;
  /** Nothing may be read before it is answered. */
  readonly authenticates?: boolean;
};

type Client = Omit<Call, 'version' | 'clientId' | 'rights'>;

export type Reply = readonly Uint8Array[];

/** Throws MalformedFrameError or AuthenticationError. */
export function requestOf(frame: Uint8Array, session: Session): Request {
  if (session.isRaw()) return raw(frame, session);
  const head = peekHeader(frame);
  session.admit(head.apiKey);
  const api = apis.get(head.apiKey);
  if (api && isWithin(api, head.version)) return served(api, frame);
  if (head.apiKey === apiVersionsKey)
    return { overlaps: true, takesTurns: false, elementBytes: 0, answer: async () => tooNew(head.correlationId) };
  const name = `${nameOfApi(head.apiKey)} (${head.apiKey})`;
  throw new MalformedFrameError(`expected an API and a version that is offered, got ${name} version ${head.version}`);
}

const isWithin = ({ versions: [first, last] }: Api, version: number): boolean => version >= first && version <= last;

/** A message of SASL as it is: the reply is one too. */
const raw = (frame: Uint8Array, session: Session): Request => ({
  ...{ overlaps: false, takesTurns: false, elementBytes: 0, authenticates: true },
  answer: async () => {
    const { errorMessage, authBytes } = await session.authenticate(frame);
    if (errorMessage !== null) throw new AuthenticationError(errorMessage);
    const prefix = Buffer.alloc(lengthPrefixBytes);
    prefix.writeInt32BE(authBytes.length);
    return [prefix, authBytes];
  },
});

/** A struct with some fields, of which few are long. */
const bytesOfElement = 128;

function served(api: Api, frame: Uint8Array): Request {
  const { overlaps, takesTurns = false } = api;
  const { header, message, elements } = readRequest(frame);
  return {
    overlaps,
    takesTurns,
    elementBytes: elements * bytesOfElement,
    authenticates: isOfSasl(header.apiKey),
    answer: watched(api, async (gateway, client) => {
      const { session } = client;
      const rights = session.isOpen() ? gateway.rightsOf(session.principal()) : noRights;
      const call = { ...client, rights, version: header.version, clientId: header.clientId ?? '' };
      const reply = await answerAllowed(api, gateway, message as Message, call);
      return reply && replyFrame(header, reply);
    }),
  };
}

function watched({ key }: Api, answer: Request['answer']): Request['answer'] {
  return async (gateway, client) => {
    if (!gateway.onAnswered) return answer(gateway, client);
    const beganMs = performance.now();
    let hasFailed = true;
    try {
      const reply = await answer(gateway, client);
      hasFailed = false;
      return reply;
    } finally {
      gateway.onAnswered({ api: nameOfApi(key), durationMs: performance.now() - beganMs, hasFailed });
    }
  };
}

const noRights: Rights = { may: () => false, mayOnSome: () => false };

/** The handler gets what is allowed of the request. */
async function answerAllowed(api: Api, gateway: Gateway, message: Message, call: Call): Promise<object | undefined> {
  const { rights, version } = call;
  if (rights === everything) return api.answer(gateway, message, call);
  const guard = guardOf(api.key);
  if (!guard) throw new MalformedFrameError(`expected an API with rights of its own, got ${nameOfApi(api.key)}`);
  const verdict = await guard(message, { rights, version, nameOf: gateway.names.nameOf });
  if ('reply' in verdict) return verdict.reply;
  const reply = await api.answer(gateway, verdict.request, call);
  return reply && (verdict.complete ? verdict.complete(reply as Message) : reply);
}

/** Every client can read version 0. */
function tooNew(correlationId: number): Reply {
  const { apiKeys } = apiVersions;
  const head = { apiKey: apiVersionsKey, version: 0, correlationId };
  return replyFrame(head, { errorCode: code.unsupportedVersion, apiKeys });
}
