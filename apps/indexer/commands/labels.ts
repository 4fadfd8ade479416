/** `earshot labels`: what scenes are told apart by, and the clips that show it. */
import type { Command } from 'commander';
import type { CatalogService, Label } from '#catalog/catalog-service';
import type { CommandContext } from '../context.ts';

const PAGE = 500;

export function registerLabels(program: Command, context: CommandContext): void {
  const labels = program.command('labels').description('name what clips show, to classify others by it');
  labels
    .command('add')
    .description('make clips examples of a label, which is made where there is none')
    .argument('<name>', 'the label')
    .argument('[clip-ids...]', 'clips that show what it means')
    .option('--json', 'print {name, examples, createdAt} as one JSON document')
    .action(async (name: string, clipIds: string[], options: { json?: boolean }) => {
      const work = (catalog: CatalogService) => catalog.addExamples(name, clipIds);
      const label = await context.withCatalog({ worker: false }, work);
      if (options.json) context.printJson(label);
      else context.print(describe(label));
    });
  labels
    .command('ls')
    .description('list the labels')
    .option('--json', 'print {labels} as one JSON document')
    .action(async (options: { json?: boolean }) => {
      const all = await context.withCatalog({ worker: false }, allLabels);
      if (options.json) return context.printJson({ labels: all });
      if (all.length === 0) return context.print('There are no labels.');
      const { default: Table } = await import('cli-table3');
      const table = new Table({ head: ['label', 'examples'], style: { head: [], border: [] } });
      for (const { name, examples } of all) table.push([name, examples]);
      context.print(table.toString());
    });
  labels
    .command('rm')
    .description('remove a label, or only some of its examples')
    .argument('<name>', 'the label')
    .argument('[clip-ids...]', 'take only these clips from its examples')
    .action(async (name: string, clipIds: string[]) => {
      await context.withCatalog({ worker: false }, async (catalog) => {
        if (clipIds.length > 0) return context.print(describe(await catalog.removeExamples(name, clipIds)));
        await catalog.deleteLabel(name);
        context.print(`removed ${name}`);
      });
    });
}

async function allLabels(catalog: CatalogService): Promise<Label[]> {
  const all: Label[] = [];
  let cursor: string | undefined;
  do {
    const page = await catalog.listLabels({ limit: PAGE, cursor });
    all.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

function describe({ name, examples }: Label): string {
  return `${name}: ${examples} ${examples === 1 ? 'example' : 'examples'}`;
}
