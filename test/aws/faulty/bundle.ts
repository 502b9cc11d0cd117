// The bundles that are deployed for the tests of failure. The functions that work on the data have faults in them.
import path from 'node:path';
import { bundle, bundleFunctions } from '../../../cdk/bundle-functions.ts';

/** Writes the same files as `bundleFunctions`. */
export async function bundleFaultyFunctions(outDir: string): Promise<void> {
  await bundleFunctions(outDir);
  for (const name of ['produce', 'fetch', 'topics'])
    await bundle(`test/aws/faulty/${name}.ts`, path.join(outDir, name, 'index.mjs'));
}
