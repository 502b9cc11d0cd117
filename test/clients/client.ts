// The client of a test writes and reads. Some clients are programs of their own, which this runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof codecs)[number];

/** Neither of them has a tab or an end of line. */
export type Line = { readonly key: string; readonly value: string };
export type Read = Line & { readonly partition: number; readonly offset: number };

export type Client = {
  readonly name: string;
  /** Resolves when all are acknowledged. */
  produce(topic: string, codec: Codec, lines: readonly Line[]): Promise<void>;
  /** Joins the group, reads so many records from its commits on (else from the beginning), commits, and leaves. */
  consume(topic: string, group: string, count: number): Promise<Read[]>;
};

/** No program takes so long. One that hangs is ended. */
const hangsMs = 240_000;

type Program = { readonly command: string; readonly env?: Record<string, string> };

/** Resolves with what the program prints. Rejects with its complaints if it fails. */
export async function run({ command, env }: Program, args: readonly string[], input = ''): Promise<string> {
  const options = { env: { ...process.env, ...env }, timeout: hangsMs, killSignal: 'SIGKILL' } as const;
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [output, complaints, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  if (code === 0) return output;
  const end = `ended with ${code ?? signal}`;
  throw new Error(`${command} ${args.join(' ')} ${end}:\n${complaints.slice(-2_000)}\n${output.slice(-500)}`);
}

export const inputOf = (lines: readonly Line[]): string => lines.map(({ key, value }) => `${key}\t${value}\n`).join('');

/** Lines of partition, offset, key and value; a word may stand before a number. */
export const readsIn = (output: string): Read[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [partition, offset, key, value] = line.split('\t');
      const number = (field: string | undefined) => Number(field?.replace(/^\w+:/, ''));
      return { partition: number(partition), offset: number(offset), key: key!, value: value! };
    });
