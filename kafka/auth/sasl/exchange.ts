// The terms of SASL: a mechanism begins exchanges, and an exchange goes from message to message until it knows who the client is.
//
// Invariant: an exchange that has failed is never continued. The reasons of failures tell a client nothing about which users
// exist.

/** A client that has proved who it is. */
export type Identity = {
  readonly principal: string;
  /** Epoch milliseconds. From then on the connection must authenticate again, or is closed. */
  readonly expiresAtMs?: number;
  /** Whether it would still be let in: a user may have been removed. */
  readonly isValid?: () => boolean;
};

export type Step = {
  readonly reply: Uint8Array;
  /** Present when the exchange is done. */
  readonly identity?: Identity;
};

export type Exchange = {
  /** Takes the client's next message. Rejects with AuthenticationError. */
  next(message: Uint8Array): Promise<Step>;
};

export type Mechanism = {
  readonly name: string;
  /** Its messages are worth as much as a password, or as a token, to whoever reads them on the way. */
  readonly needsTls: boolean;
  begin(): Exchange;
};

/** The client sees the message, and the service's log has it. */
export class AuthenticationError extends Error {
  /** The log counts errors of the same code, so that an attacker cannot fill it. */
  readonly code = 'SASL_AUTHENTICATION_FAILED';
  constructor(message: string) {
    super(message);
    this.name = 'AuthenticationError';
  }
}

export const nothing = new Uint8Array();

/** Throws AuthenticationError for bytes that are no UTF-8. */
export function textIn(message: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message);
  } catch {
    throw new AuthenticationError('authentication: expected text in UTF-8');
  }
}
