// Writes the store of the present version as a fixture. A fixture of a released version must never change, so this script
// refuses to write into a folder that exists.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
    'Writes the store of this version as a fixture. Clock and random values are fixed, so the same code writes the same bytes.',
  )
  .argument('[folder]', 'another folder, to compare with the fixture', join(fixturesFolder, packageJson.version))
  .parse();
const folder = resolve(command.processedArgs[0]);
if (existsSync(folder))
  throw new Error(`${folder} already exists, and the fixture of a released version must never change`);
const backend = join(folder, 'backend');
mkdirSync(backend, { recursive: true });
// This makes the folder a data directory.
openBackend({ directory: backend }).close();

const clock = createTestClock();
const table = createSqliteTable({ path: join(backend, 'table.sqlite') });
const engine = createEngine({ objects: createFileObjectStore({ directory: backend }), table, clock });
const stored = await populate(engine, clock);
table.close();

const database = new DatabaseSync(join(backend, 'table.sqlite'));
const items = database.prepare('SELECT pk, sk, body FROM item ORDER BY pk, sk').all();
database.close();
const lines = items.map(({ pk, sk, body }) => `${JSON.stringify({ pk, sk, body: JSON.parse(String(body)) })}\n`);
writeFileSync(join(folder, 'items.jsonl'), lines.join(''));
writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(stored, null, 1)}\n`);
console.log(`${folder}: ${items.length} items`);
