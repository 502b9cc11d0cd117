// The receipt of a request: a client asks for its cost with `Rivulet-Cost: on`, and the reply's header of that name has it.
import { type Counters, usdOf, withReceipt } from '../lib/storage/count.ts';
import type { HttpEvent, HttpResult } from './http-event.ts';

const HEADER = 'rivulet-cost';

export async function withCost(event: HttpEvent, answer: () => Promise<HttpResult>): Promise<HttpResult> {
  if (event.headers[HEADER]?.toLowerCase() !== 'on') return answer();
  const { result, counters } = await withReceipt(answer);
  return { ...result, headers: { ...result.headers, [HEADER]: receiptOf(counters) } };
}

/** Bytes in and out count the objects in S3. The dollars are the list price of the storage requests. */
function receiptOf(counters: Counters): string {
  const entries = {
    's3-put': counters.s3Put,
    's3-get': counters.s3Get,
    's3-list': counters.s3List,
    'dynamodb-read-units': counters.readUnits,
    'dynamodb-write-units': counters.writeUnits,
    'bytes-in': counters.bytesUp,
    'bytes-out': counters.bytesDown,
    's3-hedges': counters.hedges,
    usd: usdOf(counters).toFixed(10),
  };
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
