// The bundles that are deployed for the tests of failure. The functions that work on the data have faults in them.
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { bundle } from '../../../cdk/bundle-functions.ts';

/** Copies the usual bundles, and writes the functions with faults over their originals. */
export async function bundleFaultyFunctions(folders: {
  readonly usual: string;
  readonly faulty: string;
}): Promise<void> {
  await cp(folders.usual, folders.faulty, { recursive: true });
  await Promise.all(['produce', 'fetch', 'topics'].map((name) => bundleFaulty(name, folders.faulty)));
}

export const bundleFaulty = (name: string, outDir: string): Promise<unknown> =>
  bundle(`test/aws/faulty/${name}.ts`, path.join(outDir, name, 'index.mjs'));
