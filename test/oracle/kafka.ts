// Starts a real Kafka in a directory, and asks it what its cleaner leaves of a workload.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { javaArgs, startBroker } from '../../tools/bench/peers/broker.ts';
import type { Batch } from './workloads.ts';

const here = import.meta.dirname;

export type Kafka = {
  /** Lines of "offset TAB key TAB value". */
  survivorsOf(name: string, batches: readonly Batch[], deleteRetentionMs: number): string[];
  stop(): Promise<void>;
};

/** Fetches Kafka into the directory with Maven, unless it is there, and starts a broker on new data. */
export async function startKafka(directory: string): Promise<Kafka> {
  const jars = path.join(directory, 'jars');
  const data = path.join(directory, `data-${randomBytes(4).toString('hex')}`);
  mkdirSync(data, { recursive: true });
  if (!existsSync(jars)) {
    const args = ['-q', '-B', '-f', path.join(here, 'pom.xml'), 'dependency:copy-dependencies'];
    execFileSync('mvn', [...args, '-DincludeScope=runtime', `-DoutputDirectory=${jars}`], { stdio: 'inherit' });
  }
  const broker = await startBroker({ jars, directory: data, heap, settings: cleanSoon });
  return {
    survivorsOf(name, batches, deleteRetentionMs) {
      const file = path.join(data, `${name}.tsv`);
      writeFileSync(file, batches.map(lineOf).join('\n'));
      const args = [broker.address, name, file, String(deleteRetentionMs), path.join(data, 'log')];
      const printed = execFileSync('java', javaArgs(jars, heap, path.join(here, 'Workload.java'), ...args), {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', openSync(path.join(data, `${name}.log`), 'w')],
        maxBuffer: 64 * 1024 * 1024,
      });
      return printed.trim().split('\n');
    },
    stop: broker.stop,
  };
}

const heap = '512m';
const cleanSoon = { 'log.cleaner.backoff.ms': 200, 'log.cleaner.dedupe.buffer.size': 16_777_216 };

const lineOf = ({ phase, codec, records }: Batch): string =>
  [phase, codec, ...records.map(({ key, value }) => `${key}=${value ?? ''}`)].join('\t');
