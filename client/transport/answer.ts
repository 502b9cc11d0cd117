// A transport sends a request and brings back its answer. Node has one over sockets (sockets.ts), and a browser one over
// fetch (fetch.ts).

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
};

/** A request as it is on the wire: signed, and with its body in pieces. */
export type Prepared = {
  readonly method: string;
  readonly target: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
};

/** Resolves with any whole answer. Rejects with the error of the network when none came. */
export type Transport = (request: Prepared, signal: AbortSignal) => Promise<Answer>;
