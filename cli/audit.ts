// `rivulet audit` checks that all records of a data directory are there. In AWS the maintenance function checks the same.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { notEmpty } from './options.ts';
import { printJson } from './output.ts';

const examples = `
The command checks every item of the table, compares the objects that the index names with those that exist, and changes no
data. It prints a report, and its exit code is 1 when an item is damaged or an object is missing. Stop the service of this
directory before you run it. The directory must be writable: copy a read-only copy first.

--repair removes the damaged items of the table, prints them, and takes the other items as complete. What they held is lost:
read "A damaged data folder" in docs/RUNBOOK.md and copy the directory first.

Examples:
  rivulet audit
  rivulet audit --data /var/lib/rivulet
  rivulet audit --data /var/lib/rivulet --repair`;

export function addAudit(rivulet: Command): void {
  rivulet
    .command('audit')
    .description('check that a data directory on this machine is whole')
    .option('--data <directory>', 'the data directory', notEmpty, '.rivulet')
    .option('--repair', 'remove the damaged items of its table; what they held is lost', false)
    .addHelpText('after', examples)
    .action(check);
}

async function check({ data, repair }: { data: string; repair: boolean }): Promise<void> {
  if (!existsSync(data)) throw new Error(`there is no directory ${data}`);
  const { openBackend } = await import('../local/backend.ts');
  const backend = openBackend({ directory: data, repair });
  try {
    const { damagedItems } = backend;
    if (repair) return printJson({ removedItems: damagedItems });
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
