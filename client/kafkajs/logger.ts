// The logger of `new Kafka({ logLevel, logCreator })`. Without a creator, an entry is a line of JSON.
import { logLevel } from './constants.ts';

export type LogEntry = {
  readonly namespace: string;
  readonly level: number;
  readonly label: string;
  readonly log: Readonly<Record<string, unknown>> & { readonly timestamp: string; readonly message: string };
};

export type LogCreator = (level: number) => (entry: LogEntry) => void;

type Write = (message: string, extra?: Readonly<Record<string, unknown>>) => void;

export type Logger = {
  readonly error: Write;
  readonly warn: Write;
  readonly info: Write;
  readonly debug: Write;
  readonly namespace: (name: string, level?: number) => Logger;
  readonly setLogLevel: (level: number) => void;
};

const consoleCreator: LogCreator =
  () =>
  ({ namespace, level, label, log }) => {
    const line = JSON.stringify({ level: label, logger: namespace, ...log });
    if (level === logLevel.ERROR) console.error(line);
    else if (level === logLevel.WARN) console.warn(line);
    else console.log(line);
  };

export function createLogger(level: number = logLevel.INFO, creator: LogCreator = consoleCreator): Logger {
  const write = creator(level);
  const logger = (namespace: string, from: number): Logger => {
    let current = from;
    const at =
      (label: Exclude<keyof typeof logLevel, 'NOTHING'>): Write =>
      (message, extra = {}) => {
        if (logLevel[label] > current) return;
        const timestamp = new Date().toISOString();
        write({ namespace, level: logLevel[label], label, log: { timestamp, logger: 'rivulet', message, ...extra } });
      };
    return {
      ...{ error: at('ERROR'), warn: at('WARN'), info: at('INFO'), debug: at('DEBUG') },
      namespace: (name, own = current) => logger(name, own),
      setLogLevel: (next) => {
        current = next;
      },
    };
  };
  return logger('', level);
}
