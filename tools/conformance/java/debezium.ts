// Debezium, as a connector of a distributed worker of Connect, tells of each change of a table of PostgreSQL, exactly once. The
// cluster is killed while the table changes, and the worker is ended, and started again when it has changed further. Each event
// has to begin with what the event before has left, and in the end they have to make the table.

import { startPostgres } from './postgres.ts';
import { crashCluster, createTopic, startTool, until } from './program.ts';
import { connectWorker } from './worker.ts';

type Row = { readonly id: number; readonly balance: number };
type Event = { readonly op: 'r' | 'c' | 'u' | 'd'; readonly before: Row | null; readonly after: Row | null };

const topic = 'bank.public.accounts';
const accounts = 100;
const database = await startPostgres();
await database.query(`
  CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
  ALTER TABLE accounts REPLICA IDENTITY FULL;
  INSERT INTO accounts SELECT i, 1000 FROM generate_series(1, ${accounts}) i;`);
let changes = accounts;

/** Moves money, a transaction each, and at every tenth closes the account with the least number and opens a new one. */
async function change(times: number): Promise<void> {
  const statements: string[] = [];
  const add = (id: string, amount: number) => `UPDATE accounts SET balance = balance + ${amount} WHERE id = (${id});`;
  for (let i = 0; i < times; i++) {
    const isTenth = i % 10 === 0;
    const anyOther = `SELECT min(id) + ${1 + (i % (accounts - 1))} FROM accounts`;
    const moved = [add(anyOther, i), add('SELECT min(id) FROM accounts', -i)];
    const replaced = [
      'DELETE FROM accounts WHERE id = (SELECT min(id) FROM accounts);',
      'INSERT INTO accounts SELECT max(id) + 1, 1000 FROM accounts;',
    ];
    statements.push('BEGIN;', ...moved, ...(isTenth ? replaced : []), 'COMMIT;');
    changes += isTenth ? 4 : 2;
  }
  await database.query(statements.join('\n'));
}

const json = 'org.apache.kafka.connect.json.JsonConverter';
const worker = await connectWorker({
  ...{ 'key.converter': json, 'value.converter': json },
  ...{ 'key.converter.schemas.enable': 'false', 'value.converter.schemas.enable': 'false' },
  'exactly.once.source.support': 'enabled',
});
const connector = {
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  ...{ 'database.hostname': '127.0.0.1', 'database.port': String(database.port), 'database.dbname': 'postgres' },
  ...{ 'database.user': 'postgres', 'database.password': 'postgres' },
  ...{ 'plugin.name': 'pgoutput', 'topic.prefix': 'bank', 'table.include.list': 'public.accounts' },
  ...{ 'tombstones.on.delete': 'false', 'exactly.once.support': 'required', 'tasks.max': '1' },
};

const read = () =>
  startTool(
    ...(['consumer.ConsoleConsumer', '--topic', topic, '--from-beginning'] as const),
    ...['--command-property', 'isolation.level=read_committed'],
  );

/** An operator does this with a task that has failed. */
function restartFailed(): () => void {
  const timer = setInterval(
    () => void worker.send('POST', '/connectors/bank/restart?includeTasks=true&onlyFailed=true').catch(() => undefined),
    5_000,
  );
  return () => clearInterval(timer);
}

await createTopic(topic, 1);
const reader = read();
/** After the crash, its consumer may read some again. */
const seen = () => new Set(reader.lines).size;
const first = await worker.start();
await worker.send('PUT', '/connectors/bank/config', connector);
await until('the rows of the table are told', 180, () => seen() >= changes);
await change(300);
await until('some changes are told', 120, () => seen() > accounts + 100);
await change(300);
const [stopRestarts] = [restartFailed(), await crashCluster()];
await change(300);
await until('the changes are told after the crash', 240, () => seen() >= changes);
stopRestarts();
first.child.kill('SIGTERM');
await first.ended;
await change(300);
const second = await worker.start();
await until('the changes are told that the worker has missed', 180, () => seen() >= changes);
await change(100);
await until('all changes are told', 120, () => seen() >= changes);
second.child.kill('SIGTERM');
await second.ended;

const told = read();
await until('all events are read again', 60, () => told.lines.length >= changes);
const table = new Map<number, number>();
for (const line of told.lines) {
  const { op, before, after } = JSON.parse(line) as Event;
  const id = (after ?? before)!.id;
  const known = table.get(id);
  if (known !== before?.balance) throw new Error(`${line}: expected the balance ${known} before`);
  if (op === 'd') table.delete(id);
  else table.set(id, after!.balance);
}
const rows = [...table].sort(([a], [b]) => a - b).map((row) => row.join('\t'));
const expected = await database.query('SELECT id, balance FROM accounts ORDER BY id');
if (rows.join('\n') !== expected) throw new Error(`expected the table\n${expected}\ngot\n${rows.join('\n')}`);
if (told.lines.length !== changes) throw new Error(`expected ${changes} events, got ${told.lines.length}`);
console.log(`${changes} events, each once`);
process.exit(0);
