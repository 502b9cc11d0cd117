// From the bytes of a request to the bytes of its reply.
//
// Invariant: only the APIs and versions that are offered reach a handler. Anything else closes the connection, apart from
// ApiVersions in a version that is too new: its reply tells the client what to ask for.

import { apiVersionsKey } from './api/api-versions.ts';
import type { Api, Call, Gateway } from './api.ts';
import { apis, apiVersions } from './apis.ts';
import { nameOfApi, peekHeader, readRequest, replyFrame } from './codec/frame.ts';
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
  readonly answer: (gateway: Gateway, connection: Omit<Call, 'version' | 'clientId'>) => Promise<Reply | undefined>;
};

export type Reply = readonly Uint8Array[];

/** Throws MalformedFrameError. */
export function requestOf(frame: Uint8Array): Request {
  const head = peekHeader(frame);
  const api = apis.get(head.apiKey);
  if (api && isWithin(api, head.version)) return served(api, frame);
  if (head.apiKey === apiVersionsKey)
    return { overlaps: true, takesTurns: false, elementBytes: 0, answer: async () => tooNew(head.correlationId) };
  const name = `${nameOfApi(head.apiKey)} (${head.apiKey})`;
  throw new MalformedFrameError(`expected an API and a version that is offered, got ${name} version ${head.version}`);
}

const isWithin = ({ versions: [first, last] }: Api, version: number): boolean => version >= first && version <= last;

/** A struct with some fields, of which few are long. */
const bytesOfElement = 128;

function served({ overlaps, takesTurns = false, answer }: Api, frame: Uint8Array): Request {
  const { header, message, elements } = readRequest(frame);
  return {
    overlaps,
    takesTurns,
    elementBytes: elements * bytesOfElement,
    answer: async (gateway, connection) => {
      const reply = await answer(gateway, message, {
        ...connection,
        version: header.version,
        clientId: header.clientId ?? '',
      });
      return reply && replyFrame(header, reply);
    },
  };
}

/** Every client can read version 0. */
function tooNew(correlationId: number): Reply {
  const { apiKeys } = apiVersions;
  const head = { apiKey: apiVersionsKey, version: 0, correlationId };
  return replyFrame(head, { errorCode: code.unsupportedVersion, apiKeys });
}
