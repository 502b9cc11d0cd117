// The structured log. It has one line for each failure of the service itself, and none for refused requests. Powertools
// reads LOG_LEVEL.
//
// Invariant: the log holds names, offsets and causes, never the data of a record and never a credential.
import { Logger } from '@aws-lambda-powertools/logger';
import type { LogEntry } from '../http/stack.ts';

export function createLog(service: string) {
  const logger = new Logger({ serviceName: service });
  const logFailure = ({ error, ...entry }: LogEntry): void =>
    logger.error(entry.errorCode, { ...entry, causes: causesOf(error) });
  return { logger, logFailure };
}

function causesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return error === undefined ? [] : [String(error)];
  return [error.stack ?? error.message, ...causesOf(error.cause)];
}
