import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBackend } from '../../local/backend.ts';
import { httpConformance } from './http-conformance.ts';
import { serveTarget } from './signed-target.ts';

httpConformance('the local server, over files and SQLite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-conformance-'));
  const backend = openBackend({ directory });
  return serveTarget(backend.api, () => {
    backend.close();
    rmSync(directory, { recursive: true });
  });
});
