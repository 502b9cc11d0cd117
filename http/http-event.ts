// The event and the result that pass between the servers and the handlers. It is API Gateway's payload 2.0, reduced to the
// fields we read, so that the same handlers run behind API Gateway and behind the local server.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

/** The local server passes the body as bytes. Lambda passes it as text or base64. */
export type HttpEvent = {
  version: '2.0';
  /** The path as it was sent: never decoded, never normalised. */
  rawPath: string;
  /** The query without the question mark. */
  rawQueryString: string;
  /** The names are in lower case. The values of a repeated header are joined by a comma. */
  headers: Record<string, string>;
  queryStringParameters?: Record<string, string>;
  requestContext: {
    requestId: string;
    /** Milliseconds since 1970 by the gateway's clock. Absent where our own clock is the only one. */
    timeEpoch?: number;
    /** `sourceIp` says where the connection comes from. It is only shown to people. */
    http: { method: string; path: string; sourceIp?: string };
  };
  body?: string | Uint8Array;
  isBase64Encoded: boolean;
  /** Aborted when the caller has gone, which ends a long poll. */
  signal?: AbortSignal;
  /** After this time an answer no longer reaches the caller. */
  timeLeftMs?: number;
};

export type HttpResult = {
  statusCode: number;
  /** The names are in lower case. */
  headers: Record<string, string>;
  /** A list of pieces is one body, sent in this order. So outgoing batches need not be copied together. */
  body?: string | readonly Uint8Array[];
  /** The errors of single parts of the reply, as they were thrown. They are for the log and are never sent. */
  failures?: readonly unknown[];
  /** The id of the operation that answered. It is for metrics and is never sent. */
  operation?: string;
};

/** Never throws: every failure becomes a problem document. */
export type HttpApi = (event: HttpEvent) => Promise<HttpResult>;
