// The service that the demo talks to: one of its own over a data directory, or one that runs already.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { tableLines } from '../cli/output.ts';
import { systemClock } from '../lib/runtime/clock.ts';
import { type Counters, usdOf } from '../lib/storage/count.ts';
import { openBackend } from '../local/backend.ts';
import { startServer } from '../local/server.ts';

export type DemoService = {
  readonly url: string;
  /** A topic that no one has written to yet. */
  readonly topic: string;
  /** A group that has had no members yet. */
  readonly groupId: string;
  close(): Promise<void>;
  /** Stops immediately. Returns what happened to the topic or the directory, as half a sentence. */
  abandon(): string;
  /** Prints what there is to see when the demo is over. */
  showAfterwards(heading: (text: string) => void): void;
};

export async function ownService(): Promise<DemoService> {
  const backend = openBackend({ directory: mkdtempSync(join(tmpdir(), 'rivulet-demo-')) });
  const server = await startServer({ api: backend.api, clock: systemClock });
  const topic = 'flights';
  const groupId = 'demo';
  return {
    url: server.url,
    topic,
    groupId,
    async close() {
      await server.close();
      backend.close();
    },
    abandon() {
      backend.close();
      rmSync(backend.directory, { recursive: true, force: true });
      return `${backend.directory} is removed`;
    },
    showAfterwards(heading) {
      heading(`The data directory: ${backend.directory}`);
      showFolder(backend.directory, backend.totals);
      heading('Try next');
      showNext(topic, groupId, `  npx rivulet serve --data ${backend.directory}\nand in another terminal:\n`);
      console.log('\nThe directory is kept. Remove it when you are done.');
    },
  };
}

/** Others may have run the demo there, so the topic and the group get new names. */
export function givenService(url: string): DemoService {
  const topic = `flights-${systemClock.now().toString(36)}`;
  const groupId = `demo-of-${topic}`;
  return {
    url,
    topic,
    groupId,
    close: async () => {},
    abandon: () => `the topic "${topic}" is left as it is`,
    showAfterwards(heading) {
      heading('Try next');
      showNext(topic, groupId, '');
    },
  };
}

function showFolder(directory: string, totals: Counters): void {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const folders = Map.groupBy(files, (file) => relative(directory, file).split('/')[0]!);
  const rows = [...folders].sort().map(([name, inside]) => {
    const bytes = inside.reduce((sum, file) => sum + statSync(file).size, 0);
    return [name, inside.length, bytes];
  });
  for (const line of tableLines(['NAME', 'FILES', 'BYTES'], rows)) console.log(line);
  const { s3Put, s3Get, readUnits, writeUnits } = totals;
  console.log(`
In AWS the demo would have made these S3 requests: ${s3Put} PUT, ${s3Get} GET. It would have used ${writeUnits} write and ${readUnits} read
units of DynamoDB. Together they cost $${usdOf(totals).toFixed(6)} at list price, without Lambda and API Gateway.`);
}

function showNext(topic: string, groupId: string, first: string): void {
  console.log(`${first}  npx rivulet topics describe ${topic}
  npx rivulet consume ${topic} --from-beginning --max-messages 5 --property print.key=true
  npx rivulet groups describe ${groupId}
  npx rivulet consume ${topic} --group mine       (in several terminals)
  echo '{"key": "OSL", "value": {"origin": "OSL"}}' | npx rivulet produce ${topic} --format ndjson`);
}
