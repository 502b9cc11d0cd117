// Files that are read again when they change: certificates are renewed, users are added, without a restart.
//
// Invariant: what was read stays until something sound takes its place. A file that is missing or damaged for a while
// changes nothing, and is reported once for each change.
import { readFile, stat } from 'node:fs/promises';

export type Watched<T> = { current(): T; close(): void };

/** A look at a file costs a call of the system. A renewed certificate has days left. */
const defaultLookMs = 2_000;

export type WatchOptions<T> = {
  /** Makes the value of the files' texts. May throw, with a sentence for the person who runs this. */
  readonly parse: (texts: readonly string[]) => T;
  readonly onChange?: (value: T) => void;
  readonly onError: (error: unknown) => void;
  readonly lookMs?: number;
};

/** Rejects if the files are not sound now. */
export async function watchFiles<T>(paths: readonly string[], options: WatchOptions<T>): Promise<Watched<T>> {
  const { parse, onChange, onError, lookMs = defaultLookMs } = options;
  const read = async (): Promise<T> => parse(await Promise.all(paths.map((path) => readFile(path, 'utf8'))));
  // The stamp is taken first: a change while the files are read is seen at the next look.
  let stamp = await stampOf(paths);
  let value = await read().catch((error: unknown) => {
    throw new Error(`${paths.join(', ')}: ${reasonOf(error)}`, { cause: error });
  });

  async function look(): Promise<void> {
    const now = await stampOf(paths);
    if (now === stamp) return;
    stamp = now;
    try {
      value = await read();
      onChange?.(value);
    } catch (error) {
      onError(new Error(`${paths.join(', ')}: what was read before stays in use: ${reasonOf(error)}`));
    }
  }

  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, lookMs).unref();
  return { current: () => value, close: () => clearInterval(timer) };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function stampOf(paths: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      return found && [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
    }),
  );
  return stamps.join();
}
