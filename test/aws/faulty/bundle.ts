// The functions as they are deployed for the tests of failure: those of the data with faults in them.
import path from 'node:path';
import { bundle, bundleFunctions } from '../../../cdk/bundle-functions.ts';

/** As `bundleFunctions`. */
export async function bundleFaultyFunctions(outDir: string): Promise<void> {
  await bundleFunctions(outDir);
  for (const name of ['produce', 'fetch', 'topics'])
    await bundle(`test/aws/faulty/${name}.ts`, path.join(outDir, name, 'index.mjs'));
}
