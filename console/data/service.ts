// The SDK, over the path of this console's own server, which knows the page by its cookie. In `rivulet serve` it hands the
// calls to the API; in `rivulet console` it signs them with the AWS credentials of the person who started it.
import { Admin } from '../../client/admin/admin.ts';
import { openConnection } from '../../client/transport/connection.ts';
import { retryPolicy } from '../../client/transport/retry.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { addReceipt } from './receipts.ts';

export const clock = systemClock;
/** A person waits, and sees the error: the SDK repeats a call for about a second. */
export const retry = retryPolicy({ retries: 3 });
export const requestTimeoutMs = 30_000;

export const connection = openConnection({
  url: new URL('/console/api', location.origin),
  // Nothing is signed here, so the region has no meaning.
  region: 'us-east-1',
  credentials: async () => 'none',
  clientId: 'console',
  requestTimeoutMs,
  clock,
  headers: { 'rivulet-cost': 'on' },
  onAnswer: ({ headers }) => addReceipt(headers['rivulet-cost']),
});

export const admin = new Admin(connection, clock, retry);
