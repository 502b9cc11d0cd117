// These are the rules of CORS: they say what a page of another origin may do with the API. The gateway of a deployment and the
// local server both follow them. They name exactly what the SDK's build for browsers sends and reads.

/** One origin as a browser writes it. A wildcard is none: everyone's page could then use the credentials of its reader. */
export const originPattern = 'https?:\\/\\/[a-z0-9.-]{1,253}(:\\d{1,5})?';

export const corsRules = {
  methods: ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'],
  requestHeaders: [
    ...['accept', 'authorization', 'content-type', 'rivulet-transaction'],
    ...['x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'],
  ],
  exposedHeaders: ['retry-after', 'rivulet-topic-id'],
  /** How long a browser may keep the answer to a preflight. */
  maxAgeSeconds: 3_600,
} as const;
