// The requests to S3 and DynamoDB, from the counters that every storage call feeds. An embedded service has the same figures:
// what its files and its SQLite would cost in AWS.
import { type Counters, usdOf } from '../../lib/storage/count.ts';
import type { Family, Sample } from './exposition.ts';

export function storageFamilies(totals: Counters): Family[] {
  const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({
    ...{ name, help, type: 'counter', samples },
  });
  const { s3Put, s3Get, s3List, s3Delete, bytesUp, bytesDown, readUnits, writeUnits } = totals;
  const requests = Object.entries({ put: s3Put, get: s3Get, list: s3List, delete: s3Delete });
  return [
    counter(
      'rivulet_s3_requests_total',
      'Requests to S3, with every try',
      requests.map(([operation, count]) => [{ operation }, count]),
    ),
    counter('rivulet_s3_bytes_total', 'Bytes of objects', [
      [{ direction: 'up' }, bytesUp],
      [{ direction: 'down' }, bytesDown],
    ]),
    counter('rivulet_dynamodb_units_total', 'Request units of DynamoDB', [
      [{ kind: 'read' }, readUnits],
      [{ kind: 'write' }, writeUnits],
    ]),
    counter('rivulet_dynamodb_conflicts_total', 'Conditions that failed because of another writer', [
      [{}, totals.conflicts],
    ]),
    counter('rivulet_storage_retries_total', 'Storage requests that were sent again', [[{}, totals.retries]]),
    counter('rivulet_storage_hedges_total', 'Storage requests that were sent twice because they were slow', [
      [{}, totals.hedges],
    ]),
    counter('rivulet_storage_cost_usd_total', 'List price of these requests in us-east-1, in dollars', [
      [{}, usdOf(totals)],
    ]),
  ];
}
