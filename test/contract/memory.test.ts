import { systemClock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';
import { everyCallHedged } from './every-call-hedged.ts';
import { objectStoreContract } from './object-store.contract.ts';
import { tableContract } from './table.contract.ts';

objectStoreContract('memory', () => createMemoryObjectStore({ clock: systemClock }));
objectStoreContract('memory, every call hedged', () =>
  everyCallHedged(createMemoryObjectStore({ clock: systemClock })),
);
tableContract('memory', createMemoryTable);
