// This is one server process over S3 and DynamoDB: aws-server.ts <storage as JSON> <port>
import { createApi } from '../../../http/api.ts';
import { createEngine } from '../../../lib/engine.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { type AwsStorageOptions, openAwsStorage } from '../../../lib/storage/aws/ports.ts';
import { newCounters } from '../../../lib/storage/count.ts';
import { startServer } from '../../../local/server.ts';

const [config, port] = process.argv.slice(2) as [string, string];
const given = JSON.parse(config) as Omit<AwsStorageOptions, 'clock' | 'totals'>;
const storage = openAwsStorage({ ...given, forcePathStyle: true, clock: systemClock, totals: newCounters() });
const api = createApi({
  engine: createEngine({ ...storage, clock: systemClock }),
  version: 'test',
  log: ({ method, path, error }) => console.error(method, path, error),
});
const { url } = await startServer({ api, port: Number(port), clock: systemClock });
console.log(`listens on ${url}`);
