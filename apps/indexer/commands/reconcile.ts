/** `earshot reconcile`: compares the database with the index and the stored files. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';

interface ReconcileOptions {
  fix?: boolean;
  json?: boolean;
}

export function registerReconcile(program: Command, context: CommandContext): void {
  program
    .command('reconcile')
    .description('find drift between database, index and stored files; the database is the truth')
    .option('--fix', 'mend what is found')
    .option('--json', 'print the counts as one JSON document')
    .addHelpText('after', '\nExits with 1 when drift is found and not mended.')
    .action((options: ReconcileOptions) => reconcile(options, context));
}

async function reconcile({ fix = false, json }: ReconcileOptions, context: CommandContext): Promise<void> {
  const report = await context.withLocalCatalog({ worker: false }, (catalog) =>
    catalog.reconcile({ fix, signal: context.signal }),
  );
  const { missingPoints, orphanPoints, orphanObjects, missingObjects, fixed } = report;
  const drift = missingPoints + orphanPoints + orphanObjects + missingObjects;
  if (drift > 0 && !fixed) context.exitCode = 1;
  if (json) {
    context.printJson(report);
    return;
  }
  context.print(`vectors missing in the index:     ${missingPoints}`);
  context.print(`vectors of clips that are gone:   ${orphanPoints}`);
  context.print(`files of clips that are gone:     ${orphanObjects}`);
  context.print(`clips whose file is gone:         ${missingObjects}`);
  if (drift > 0) context.print(fixed ? 'Mended.' : 'Run it with --fix to mend this.');
}
