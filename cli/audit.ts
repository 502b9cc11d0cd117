// `rivulet audit` checks that all records of a data directory are there. In AWS the maintenance function checks the same.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { notEmpty } from './options.ts';
import { printJson } from './output.ts';

const examples = `
The command checks every item of the table, compares the objects that the index names with those that exist, and changes
nothing. It prints a report, and its exit code is 1 when an item is damaged or an object is missing. Stop the service of
this directory before you run it.

Examples:
  rivulet audit
  rivulet audit --data /var/lib/rivulet`;

export function addAudit(rivulet: Command): void {
  rivulet
    .command('audit')
    .description('check that a data directory on this machine is whole')
    .option('--data <directory>', 'the data directory', notEmpty, '.rivulet')
    .addHelpText('after', examples)
    .action(check);
}

async function check({ data }: { data: string }): Promise<void> {
  if (!existsSync(data)) throw new Error(`there is no directory ${data}`);
  const { openBackend } = await import('../local/backend.ts');
  const backend = openBackend({ directory: data });
  try {
    const damagedItems = backend.checkTable();
    if (damagedItems.length > 0) {
      printJson({ damagedItems });
      throw new Error(
        `${damagedItems.length} of the items of the table are damaged: see "A damaged data folder" in docs/RUNBOOK.md`,
      );
    }
    const report = await backend.audit();
    printJson(report);
    if (report.missingObjects > 0) throw new Error(`${report.missingObjects} objects that the index names are missing`);
  } finally {
    backend.close();
  }
}
