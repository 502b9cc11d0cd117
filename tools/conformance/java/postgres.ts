// A PostgreSQL server of its own, with the logical decoding that Debezium reads. It does not run as root, so root starts it as the
// user `postgres`, in a folder that this user can reach.
import { execFile, spawn } from 'node:child_process';
import { chownSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './program.ts';
import { freePort } from './worker.ts';

const run = promisify(execFile);

export type Postgres = {
  readonly port: number;
  /** Runs statements. Resolves with what they print, with a tab between columns. */
  query(sql: string): Promise<string>;
};

/** Debian keeps the programs of the server out of the PATH. */
function programs(): string {
  const [folder] = globSync('/usr/lib/postgresql/*/bin').filter((each) => globSync(join(each, 'initdb')).length > 0);
  if (!folder) throw new Error('PostgreSQL is missing: install it (Debian: apt-get install postgresql)');
  return folder;
}

async function userOf(): Promise<{ readonly uid?: number; readonly gid?: number }> {
  if (process.getuid!() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}

export async function startPostgres(): Promise<Postgres> {
  const [bin, user, port] = [programs(), await userOf(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-postgres-'));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!);
  const how = { cwd: folder, ...user };
  await run(join(bin, 'initdb'), ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync'], how);
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'wal_level=logical'];
  const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(bin, 'postgres'), args, { ...how, stdio: ['ignore', 'inherit', 'inherit'] });
  const end = () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', end);
  const to = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', 'postgres'];
  const shown = ['-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1'];
  const query = async (sql: string) => (await run('psql', [...to, ...shown, '-c', sql])).stdout.trimEnd();
  let isUp = false;
  const ask = () =>
    query('SELECT 1').then(
      () => (isUp = true),
      () => false,
    );
  await until('PostgreSQL answers', 60, () => {
    void ask();
    return isUp;
  });
  return { port, query };
}
