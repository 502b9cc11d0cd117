// A session is what one connection has proved about its client, step by step: a handshake names the mechanism, messages
// follow, and then the requests of the principal. A connection may authenticate again while it lives (KIP-368).
//
// Invariant: before a client is known, nothing but ApiVersions and the next step of its authentication is read. An
// authentication that failed ends the connection. Another principal needs another connection.

import { code, messageOf } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { AuthenticationError, type Exchange, type Identity, type Mechanism, nothing } from './sasl/exchange.ts';

export type Handshake = { readonly errorCode: number; readonly mechanisms: readonly string[] };

export type Authenticated = {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly authBytes: Uint8Array;
  /** Within this time the client has to authenticate again. 0: never. */
  readonly sessionLifetimeMs: number;
};

export type Session = {
  /** Throws AuthenticationError unless the request may come now. */
  admit(apiKey: number): void;
  /** Only for a request that was admitted. */
  principal(): string;
  handshake(mechanism: string, version: number): Handshake;
  authenticate(message: Uint8Array): Promise<Authenticated>;
  /** The next frame is a message of the mechanism, without a header: the client asked for that with version 0. */
  isRaw(): boolean;
  /** The bounds of the next frame. */
  frameBytes(): readonly [least: number, most: number];
  /** Whether requests may follow each other before they are answered. */
  isOpen(): boolean;
  hasFailed(): boolean;
};

export type SessionOptions = {
  readonly mechanisms: ReadonlyMap<string, Mechanism>;
  /** Known without SASL: by a certificate, or because nobody needs to be. */
  readonly identity?: Identity;
  readonly limits: Limits;
  readonly clock: { now(): number };
  /** Called once, when the client is known. */
  readonly onOpen: () => void;
};

const keys = { saslHandshake: 17, apiVersions: 18, saslAuthenticate: 36 };

export const isOfSasl = (apiKey: number): boolean => apiKey === keys.saslHandshake || apiKey === keys.saslAuthenticate;

/** The key, the version and the number of a request. */
const leastFrameBytes = 8;

type State = {
  readonly mechanism?: string;
  readonly identity: Identity | undefined;
  /** Under way. */
  readonly exchange?: { readonly mechanism: string; readonly isRaw: boolean; readonly next: Exchange['next'] };
  readonly hasFailed?: boolean;
};

export function openSession({ mechanisms, identity: known, limits, clock, onOpen }: SessionOptions): Session {
  let state: State = { identity: known };
  if (known) onOpen();

  const isOver = ({ expiresAtMs, isValid }: Identity): boolean =>
    (expiresAtMs !== undefined && expiresAtMs <= clock.now()) || isValid?.() === false;

  function take(mechanism: string, identity: Identity): void {
    if (state.mechanism !== undefined && state.identity?.principal !== identity.principal)
      throw new AuthenticationError(`${mechanism}: expected the same principal as before`);
    const isFirst = state.identity === undefined;
    state = { identity, mechanism };
    if (isFirst) onOpen();
  }

  async function step(message: Uint8Array): Promise<Authenticated> {
    const { mechanism, next } = state.exchange!;
    const { reply, identity } = await next(message);
    if (identity) take(mechanism, identity);
    const { expiresAtMs } = identity ?? {};
    const sessionLifetimeMs = expiresAtMs === undefined ? 0 : Math.max(1, expiresAtMs - clock.now());
    return { errorCode: code.none, errorMessage: null, authBytes: reply, sessionLifetimeMs };
  }

  return {
    admit(apiKey) {
      const { exchange, identity, hasFailed } = state;
      if (hasFailed) throw new AuthenticationError('the authentication has failed: nothing follows it');
      if (apiKey === keys.apiVersions) return;
      if (exchange) return expect(apiKey, keys.saslAuthenticate);
      const mayBegin = apiKey === keys.saslHandshake;
      if (!identity && !mayBegin) return expect(apiKey, keys.saslHandshake);
      if (identity && !mayBegin && apiKey !== keys.saslAuthenticate && isOver(identity))
        throw new AuthenticationError('the session is over: expected a new authentication');
    },
    principal: () => state.identity!.principal,
    handshake(name, version) {
      const names = [...mechanisms.keys()];
      const mechanism = mechanisms.get(name);
      const isOther = state.mechanism !== undefined && state.mechanism !== name;
      if (names.length === 0 || isOther) return { errorCode: code.illegalSaslState, mechanisms: names };
      if (!mechanism) return { errorCode: code.unsupportedSaslMechanism, mechanisms: names };
      const { next } = mechanism.begin();
      state = { ...state, exchange: { mechanism: name, isRaw: version === 0, next } };
      return { errorCode: code.none, mechanisms: names };
    },
    async authenticate(message) {
      if (!state.exchange) return failed(code.illegalSaslState, 'expected SaslHandshake first');
      try {
        return await step(message);
      } catch (error) {
        state = { identity: undefined, hasFailed: true };
        if (!(error instanceof AuthenticationError)) throw error;
        return failed(code.saslAuthenticationFailed, messageOf(error));
      }
    },
    isRaw: () => state.exchange?.isRaw ?? false,
    frameBytes: () => [
      state.exchange?.isRaw ? 0 : leastFrameBytes,
      state.identity && !state.exchange ? limits.frameBytes : limits.unauthenticatedFrameBytes,
    ],
    isOpen: () => state.identity !== undefined && !state.exchange,
    hasFailed: () => state.hasFailed ?? false,
  };
}

const failed = (errorCode: number, errorMessage: string): Authenticated => ({
  ...{ errorCode, errorMessage, authBytes: nothing, sessionLifetimeMs: 0 },
});

function expect(apiKey: number, expected: number): void {
  if (apiKey !== expected)
    throw new AuthenticationError(`expected the next step of an authentication (API ${expected}), got API ${apiKey}`);
}
