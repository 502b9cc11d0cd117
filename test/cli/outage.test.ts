import { expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { main, newDirectory, start, startService } from './processes.ts';

test('while the service is gone, consume and produce say so once, and they continue when it is back', async () => {
  const data = newDirectory();
  const service = await startService(data, { script: main });
  const { url } = service;
  await new Rivulet({ url }).admin().createTopics({ topics: [{ topic: 'orders', partitions: 2 }] });
  const consumer = start(main, ['consume', 'orders', '--from-beginning', '--url', url]);
  const producer = start(main, ['produce', 'orders', '--url', url]);
  producer.child.stdin!.write('first\n');
  await consumer.until(/^first\n$/);
  await service.stop('SIGKILL');
  producer.child.stdin!.write('second\n');
  const gone = `rivulet: no answer from ${url}: connect ECONNREFUSED; still trying`;
  await expect.poll(consumer.stderr, { timeout: 15_000 }).toBe(`${gone}\n`);
  await expect.poll(producer.stderr, { timeout: 15_000 }).toBe(`${gone} (up to 120 s)\n`);

  const again = await startService(data, { script: main, port: Number(new URL(url).port) });
  await consumer.until(/^first\nsecond\n$/);
  const back = new RegExp(`^rivulet: ${url} answers again, after \\d+ s$`, 'm');
  await expect.poll(consumer.stderr).toMatch(back);
  producer.child.stdin!.end();
  const produced = await producer.finished;
  expect(produced.code).toBe(0);
  expect(produced.stderr).toMatch(back);
  expect(produced.stderr).toMatch(/\n2 records acknowledged in .*\n$/);
  consumer.child.kill('SIGINT');
  expect((await consumer.finished).stderr.trimEnd().split('\n')).toHaveLength(3);
  await again.stop('SIGTERM');
});
