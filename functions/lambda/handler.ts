// What the functions of all duties have in common, from their operations to the handler that Lambda calls.
import { duties } from '../duties.ts';
import type { Operation } from '../operation.ts';
import type { Route } from '../router.ts';
import { createStack, type LogEntry } from '../stack.ts';
import { createHandler } from './gateway.ts';

const routes = Object.values(duties)
  .flat()
  .map((key) => {
    const [method, path] = key.split(' ');
    return { method, path } as Route;
  });

export function handlerFor(operations: readonly Operation[]) {
  return createHandler(createStack({ operations, routes, log }));
}

/** One line of JSON, which CloudWatch Logs Insights can query. */
function log({ error, ...entry }: LogEntry): void {
  console.error(JSON.stringify({ level: 'ERROR', ...entry, causes: causesOf(error) }));
}

function causesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return error === undefined ? [] : [String(error)];
  return [error.stack ?? error.message, ...causesOf(error.cause)];
}
