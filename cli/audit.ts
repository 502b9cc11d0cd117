// `rivulet audit`: are all records of a data folder there? In AWS the maintenance function answers the same.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { notEmpty } from './options.ts';
import { printJson } from './output.ts';

const examples = `
Checks every item of the table, compares what the index names with the objects that are there, and changes nothing. Prints
a report; ends with 1 when an item is damaged or an object is missing. Only while nothing serves the folder.

Examples:
  rivulet audit
  rivulet audit --data /var/lib/rivulet`;

export function addAudit(rivulet: Command): void {
  rivulet
    .command('audit')
    .description('check that a data folder on this machine is whole')
    .option('--data <folder>', 'where the data lies', notEmpty, '.rivulet')
    .addHelpText('after', examples)
    .action(check);
}

async function check({ data }: { data: string }): Promise<void> {
  if (!existsSync(data)) throw new Error(`there is no folder ${data}`);
  const { openBackend } = await import('../local/backend.ts');
  const backend = openBackend({ directory: data });
  try {
    const damagedItems = backend.checkTable();
    if (damagedItems.length > 0) {
      printJson({ damagedItems });
      throw new Error(
        `${damagedItems.length} of the items of the table are damaged; see "A damaged data folder" in docs/RUNBOOK.md`,
      );
    }
    const report = await backend.audit();
    printJson(report);
    if (report.missingObjects > 0) throw new Error(`${report.missingObjects} objects that the index names are missing`);
  } finally {
    backend.close();
  }
}
