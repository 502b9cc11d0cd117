// The client's side of the memory benchmark. It runs in a process of its own, so that its memory can be measured alone.
import { Rivulet } from '../../client/rivulet.ts';
import { type Load, receiveAll, send } from './load.ts';
import type { Traffic } from './traffic.ts';

const load: Load = { recordBytes: 1024, batchBytes: 256 * 1024 };
const partitions = 4;
const topic = 'memory';

export async function writeAll(traffic: Traffic, [url, bytes]: string[]): Promise<string> {
  const client = new Rivulet({ url: url! });
  await client.admin().createTopics({ topics: [{ topic, partitions }] });
  const count = Number(bytes) / load.recordBytes;
  const goesOn = (acknowledged: number): boolean => {
    traffic.bytes = acknowledged * load.recordBytes;
    return acknowledged < count;
  };
  inBackground(traffic, async () => {
    traffic.bytes = (await send(client, topic, load, partitions, goesOn)) * load.recordBytes;
  });
  return '';
}

export async function readBack(traffic: Traffic, [url, bytes]: string[]): Promise<string> {
  const client = new Rivulet({ url: url! });
  const onBatch = (batchBytes: number): void => {
    traffic.bytes += batchBytes;
  };
  inBackground(traffic, () =>
    receiveAll(client, topic, new Array(partitions).fill(0), Number(bytes) / load.recordBytes, onBatch),
  );
  return '';
}

/** The work continues in the background. The parent reads the traffic until all bytes are there. */
function inBackground(traffic: Traffic, work: () => Promise<unknown>): void {
  work().catch((error: unknown) => {
    traffic.failure = String(error);
  });
}
