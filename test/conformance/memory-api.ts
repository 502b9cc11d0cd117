// The whole service over memory, with the real engine and the real handlers, and counted as in AWS.
import { createApi } from '../../http/api.ts';
import type { HttpApi } from '../../http/http-event.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { countingObjectStore, countingTable, newCounters } from '../../lib/storage/count.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

export function memoryApi(): HttpApi {
  const clock = systemClock;
  const totals = newCounters();
  const objects = countingObjectStore(createMemoryObjectStore({ clock }), totals);
  const table = countingTable(createMemoryTable(), totals);
  return createApi({ engine: createEngine({ objects, table, clock }), version: 'test' });
}
