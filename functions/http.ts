// The composition root in AWS: the Lambda function behind the HTTP API, over the bucket and the table that its environment
// names. Everything here is made once per environment, before the first request.

import { systemClock } from '../lib/clock.ts';
import { createEngine } from '../lib/create-engine.ts';
import { openAwsStorage } from '../lib/storage/aws.ts';
import { newCounters } from '../lib/storage/count.ts';
import packageJson from '../package.json' with { type: 'json' };
import { createApi, type LogEntry } from './api.ts';
import { createHandler } from './lambda.ts';

const storage = openAwsStorage({
  bucket: required('BUCKET'),
  tableName: required('TABLE'),
  // The SDK follows this variable by itself; buckets have no host names there.
  forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined,
  clock: systemClock,
  totals: newCounters(),
});
const engine = createEngine({ ...storage, clock: systemClock });

export const handler = createHandler(createApi({ engine, version: packageJson.version, log }));

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set`);
  return value;
}

/** One line of JSON, which CloudWatch Logs Insights can query. */
function log({ error, ...entry }: LogEntry): void {
  console.error(JSON.stringify({ level: 'ERROR', ...entry, causes: causesOf(error) }));
}

function causesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return error === undefined ? [] : [String(error)];
  return [error.stack ?? error.message, ...causesOf(error.cause)];
}
