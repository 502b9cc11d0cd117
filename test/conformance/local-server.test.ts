import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHome } from '../../local/home.ts';
import { httpConformance } from './http-conformance.ts';
import { serveTarget } from './signed-target.ts';

httpConformance('the local server, over files and SQLite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rivulet-conformance-'));
  const home = openHome({ directory });
  return serveTarget(home.api, () => {
    home.close();
    rmSync(directory, { recursive: true });
  });
});
