// A handler that never gives way to the event loop: the service must have the next request while the handler works, or
// client and service take turns where they could work side by side. The service is a thread of its own, which can see that.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Rivulet } from '../../../client/rivulet.ts';
import { encodeFetchFrames } from '../../../lib/record/frames.ts';
import { batches } from '../scripted-logs.ts';

const service = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:http').createServer((request, response) => request.resume().on('end', () => {
    Atomics.add(workerData.requests, 0, 1);
    Atomics.notify(workerData.requests, 0);
    response.end(workerData.body);
  }));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('the next request is sent before the work on an answer begins', async () => {
  const requests = new Int32Array(new SharedArrayBuffer(4));
  const frame = { partition: 0, errorCode: 0, highWatermark: 2, logStartOffset: 0, batches: batches(0, 2) };
  const body = Buffer.concat(encodeFetchFrames([frame]));
  const worker = new Worker(service, { eval: true, workerData: { requests, body } });
  const [port] = await once(worker, 'message');
  const consumer = new Rivulet({ url: `http://127.0.0.1:${port}` }).consumer();
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const waited: string[] = [];
  await consumer.run({
    eachBatch: () => {
      // Blocks this thread until the service has a second request. Without that, it would wait until the time is up.
      if (waited.length === 0) waited.push(Atomics.wait(requests, 0, 1, 10_000));
      void consumer.stop();
    },
  });
  await worker.terminate();
  expect(waited).not.toContain('timed-out');
});
