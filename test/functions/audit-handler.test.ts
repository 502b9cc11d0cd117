import { expect, it } from 'vitest';
import { createAuditHandler } from '../../functions/audit-handler.ts';
import { appendOne, batchOf, createWorld } from '../log/world.ts';
import { keepLogLines } from './log-lines.ts';

const lines = keepLogLines();

async function auditedWorld(spoil: (keys: readonly string[]) => readonly string[], leftMs = 900_000, event = {}) {
  const world = createWorld();
  await world.engine.createTopic({ topic: 't' });
  for (const value of ['a', 'b']) await appendOne(world.engine, 0, batchOf([value]));
  const { objects } = await world.objects.list({});
  await world.objects.delete(spoil(objects.map(({ key }) => key)));
  const handler = createAuditHandler(world, 'Test');
  const report = await handler(event, { getRemainingTimeInMillis: () => leftMs });
  return { report, entries: lines.map((line) => JSON.parse(line)) };
}

it('an audit that finds nothing wrong writes one line of the log and no metric', async () => {
  const { report, entries } = await auditedWorld(() => []);
  expect(report).toMatchObject({ topics: 1, objects: 2, missingObjects: 0, missing: [] });
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ level: 'INFO', message: 'AUDIT', service: 'Test', objects: 2 });
});

it('each missing object is an error in the log, and all of them are a metric', async () => {
  const { report, entries } = await auditedWorld((keys) => keys);
  expect(report.missing).toHaveLength(2);
  expect(entries.slice(0, 2)).toMatchObject([
    { level: 'ERROR', topic: 't' },
    { level: 'ERROR', topic: 't' },
  ]);
  expect(entries.at(-1)).toMatchObject({ service: 'Test', MissingObjects: 2 });
  expect(entries.at(-1)).not.toHaveProperty('OrphanObjects');
});

it('an audit that runs out of time says so to its caller', async () => {
  const { report, entries } = await auditedWorld(() => [], 29_000, { verify: true });
  expect(report.incomplete).toContain('no time was left');
  expect(entries).toMatchObject([{ level: 'WARN', message: 'AUDIT_INCOMPLETE' }]);
});

it('an audit that runs out of time fails when no caller would read its report', async () => {
  await expect(auditedWorld(() => [], 29_000)).rejects.toThrow('no time was left');
  expect(lines).toHaveLength(1);
});
