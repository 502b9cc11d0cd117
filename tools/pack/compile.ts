// Compiles TypeScript to JavaScript with declarations: entries and everything that they import, in the folders of the source.
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

type Compilation = { readonly root: string; readonly entries: readonly string[]; readonly folder: string };

export async function compile({ root, entries, folder }: Compilation): Promise<void> {
  const project = path.join(folder, 'tsconfig.json');
  const compilerOptions = {
    rootDir: root,
    outDir: folder,
    typeRoots: [path.join(root, 'node_modules/@types')],
    noEmit: false,
    // The check of types remembers what it has checked. This must write everything.
    incremental: false,
    tsBuildInfoFile: null,
    declaration: true,
    rewriteRelativeImportExtensions: true,
  };
  const settings = {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions,
    files: entries.map((entry) => path.join(root, entry)),
    include: [],
  };
  await writeFile(project, JSON.stringify(settings));
  try {
    await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project]);
  } catch (error) {
    // tsc writes its errors to the standard output.
    throw new Error(`${entries.join(', ')}: does not compile: ${(error as { stdout?: string }).stdout}`, {
      cause: error,
    });
  } finally {
    await rm(project);
  }
}
