import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { objectStoreContract } from './object-store.contract.ts';
import { tableContract } from './table.contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'rivulet-contract-'));
const table = createSqliteTable({ path: join(directory, 'table.sqlite') });

objectStoreContract('a folder of files', () => createFileObjectStore({ directory }));
tableContract('SQLite', () => table);

afterAll(() => {
  table.close();
  rmSync(directory, { recursive: true });
});
