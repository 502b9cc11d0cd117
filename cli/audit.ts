// `rivulet audit`: are all records of a data folder there? In AWS the maintenance function answers the same.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { notEmpty } from './options.ts';
import { printJson } from './output.ts';

const examples = `
Checks every item of the table, compares what the index names with the objects that are there, and changes no data. Prints
a report; ends with 1 when an item is damaged or an object is missing. Only while nothing serves the folder, and where it
can be written: copy a read-only copy first.

--repair removes the damaged items of the table, prints them, and takes the other items for all that there are. What they
held is lost: read "A damaged data folder" in docs/RUNBOOK.md and copy the folder first.

Examples:
  rivulet audit
  rivulet audit --data /var/lib/rivulet
  rivulet audit --data /var/lib/rivulet --repair`;

export function addAudit(rivulet: Command): void {
  rivulet
    .command('audit')
    .description('check that a data folder on this machine is whole')
    .option('--data <folder>', 'where the data lies', notEmpty, '.rivulet')
    .option('--repair', 'remove the damaged items of its table; what they held is lost', false)
    .addHelpText('after', examples)
    .action(check);
}

async function check({ data, repair }: { data: string; repair: boolean }): Promise<void> {
  if (!existsSync(data)) throw new Error(`there is no folder ${data}`);
  const { openBackend } = await import('../local/backend.ts');
  const backend = openBackend({ directory: data, repair });
  try {
    const { damagedItems } = backend;
    if (repair) return printJson({ removedItems: damagedItems });
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
