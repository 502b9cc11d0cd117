// The whole service over memory, with the real engine and the real handlers, and counted as in AWS.
import { createApi } from '../../http/api.ts';
import type { HttpApi } from '../../http/http-event.ts';
import type { PushPorts } from '../../lib/api/push.ts';
import { createEngine } from '../../lib/engine.ts';
import { createTargets } from '../../lib/push/delivery/targets.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

/** Webhooks as in AWS. No dispatcher is at work: the suite subscribes to topics in which nothing is to deliver. */
const targets = createTargets({
  network: { local: false },
  bootstrapServers: '127.0.0.1:9092',
  clock: systemClock,
});
export const push: PushPorts = { targets, invoke: async () => undefined };

export function memoryApi(): HttpApi {
  const clock = systemClock;
  const totals = newCounters();
  const objects = countingObjectStore(createMemoryObjectStore({ clock }), totals);
  const table = countingTable(createMemoryTable(), totals);
  const engine = createEngine({ objects, table, clock, push });
  return createApi({ engine, version: 'test' });
}
