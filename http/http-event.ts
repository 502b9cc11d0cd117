// What passes between the servers and the handlers: API Gateway's payload 2.0, reduced to what we read, so that the
// same handlers run behind API Gateway and behind the local server.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

/** The local server gives the body as bytes, Lambda as text or base64. */
export type HttpEvent = {
  version: '2.0';
  /** As it was sent: never decoded, never normalised. */
  rawPath: string;
  /** Without the question mark. */
  rawQueryString: string;
  /** Names in lower case; a header that came twice is joined by a comma. */
  headers: Record<string, string>;
  queryStringParameters?: Record<string, string>;
  requestContext: {
    requestId: string;
    /** Milliseconds since 1970 by the gateway's clock; absent where there is no clock but our own. */
    timeEpoch?: number;
    /** `sourceIp`: where the connection comes from; for people. */
    http: { method: string; path: string; sourceIp?: string };
  };
  body?: string | Uint8Array;
  isBase64Encoded: boolean;
  /** Aborted when the caller has gone: ends a long poll. */
  signal?: AbortSignal;
  /** After so long nobody will hear the answer any more. */
  timeLeftMs?: number;
};

export type HttpResult = {
  statusCode: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** A list of pieces is one body, each behind the one before: batches on their way out are not copied together. */
  body?: string | readonly Uint8Array[];
  /** What the reply tells of single parts, as it was thrown: for the log, never sent. */
  failures?: readonly unknown[];
};

/** Never throws: whatever fails becomes a problem document. */
export type HttpApi = (event: HttpEvent) => Promise<HttpResult>;
