// Writes the store of today's version as a fixture. What a released version has written must stay as it was: so it refuses
// to write where something is.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Command } from 'commander';
import { createEngine } from '../../lib/engine.ts';
import { createFileObjectStore } from '../../lib/storage/embedded/file-object-store.ts';
import { createSqliteTable } from '../../lib/storage/embedded/sqlite-table.ts';
import { openBackend } from '../../local/backend.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { createTestClock } from '../log/world.ts';
import { populate } from './populate.ts';
import { fixturesFolder } from './stored.ts';

const command = new Command('npm run fixture --')
  .description(
    'Writes the store of this version as a fixture. Clock and chance are fixed: the same code writes the same.',
  )
  .argument('[folder]', 'another one, to compare', join(fixturesFolder, packageJson.version))
  .parse();
const folder = resolve(command.processedArgs[0]);
if (existsSync(folder))
  throw new Error(`${folder} is there already; what a released version has written is never changed`);
const backend = join(folder, 'backend');
mkdirSync(backend, { recursive: true });
// Makes it a data folder.
openBackend({ directory: backend }).close();

const clock = createTestClock();
const table = createSqliteTable({ path: join(backend, 'table.sqlite') });
const engine = createEngine({ objects: createFileObjectStore({ directory: backend }), table, clock });
const stored = await populate(engine, clock);
table.close();
rmSync(join(backend, 'tmp'), { recursive: true });

const database = new DatabaseSync(join(backend, 'table.sqlite'));
const items = database.prepare('SELECT pk, sk, body FROM item ORDER BY pk, sk').all();
database.close();
const lines = items.map(({ pk, sk, body }) => `${JSON.stringify({ pk, sk, body: JSON.parse(String(body)) })}\n`);
writeFileSync(join(folder, 'items.jsonl'), lines.join(''));
writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(stored, null, 1)}\n`);
console.log(`${folder}: ${items.length} items`);
