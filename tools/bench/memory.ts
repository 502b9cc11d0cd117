// Measures whether memory stays constant. Clients in processes of their own write a gigabyte with the SDK and read it back.
// The resident memory of client and server is sampled, and its peak is reported for each quarter of the volume.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import { decimal, printTable, whole } from './table.ts';

const sampleMs = 20;
const megabyte = 1e6;

type Peaks = { readonly client: number[]; readonly server: number[]; readonly seconds: number };

export async function benchMemory(directory: string, totalBytes: number): Promise<void> {
  const backend = `${directory}/memory`;
  const written = await watch('writer', backend, totalBytes);
  // This starts a new server, which has written nothing yet.
  const read = await watch('reader', backend, totalBytes);
  const row = (name: string, peaks: number[]) => [
    name,
    ...peaks.map((bytes) => whole(bytes / megabyte)),
    `${decimal(peaks[3]! / peaks[0]!, 2)} x`,
  ];
  printTable(
    `${whole(totalBytes / megabyte)} MB in batches of 256 KiB, written and read back: greatest RSS in MB by quarter of the volume`,
    ['', '0-25 %', '25-50 %', '50-75 %', '75-100 %', 'last / first'],
    [
      row('write, client', written.client),
      row('write, server', written.server),
      row('read, client', read.client),
      row('read, server', read.server),
    ],
  );
  const rate = ({ seconds }: Peaks) => `${whole(totalBytes / megabyte / seconds)} MB/s`;
  console.log(`written at ${rate(written)}, read back at ${rate(read)}`);
}

async function watch(role: 'writer' | 'reader', directory: string, totalBytes: number): Promise<Peaks> {
  const server = await startChild('backend', directory);
  const began = performance.now();
  const client = await startChild(role, server.url, totalBytes);
  const peaks = { client: [0, 0, 0, 0], server: [0, 0, 0, 0] };
  for (let done = 0; done < totalBytes; ) {
    done = await sample(client, server, totalBytes, peaks);
    await sleep(sampleMs);
  }
  const seconds = (performance.now() - began) / 1000;
  await client.stop();
  await server.stop();
  return { ...peaks, seconds };
}

/** @returns the bytes handled so far. */
async function sample(
  client: Child,
  server: Child,
  totalBytes: number,
  peaks: Omit<Peaks, 'seconds'>,
): Promise<number> {
  const [ofClient, ofServer] = await Promise.all([client.report(), server.report()]);
  if (ofClient.failure) throw new Error(ofClient.failure);
  const quarter = Math.min(3, Math.floor((4 * ofClient.bytes) / totalBytes));
  peaks.client[quarter] = Math.max(peaks.client[quarter]!, ofClient.rssBytes);
  peaks.server[quarter] = Math.max(peaks.server[quarter]!, ofServer.rssBytes);
  return ofClient.bytes;
}
