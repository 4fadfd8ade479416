/** `earshot clips`: lists the clips of the catalog, and removes some. */
import type { Command } from 'commander';
import type { CatalogService, Clip } from '#catalog/catalog-service';
import { asEarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';
import { integerOption } from '../option-parsers.ts';

const PAGE_SIZE = 500;

interface ListOptions {
  collection?: string;
  tag?: string;
  limit?: number;
  json?: boolean;
}

export function registerClips(program: Command, context: CommandContext): void {
  const clips = program.command('clips').description('list and remove clips');
  clips
    .command('ls')
    .description('list clips, newest first')
    .option('--collection <name>', 'only this collection')
    .option('--tag <tag>', 'only clips with this tag')
    .option('--limit <number>', 'at most so many', integerOption(1, 1_000_000))
    .option('--json', 'print {clips} as one JSON document')
    .action((options: ListOptions) => list(options, context));
  clips
    .command('rm')
    .description('remove clips, their files and their vectors')
    .argument('<id...>', 'ids of clips')
    .action((ids: string[]) => remove(ids, context));
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const clips = await context.withCatalog({ worker: false }, (catalog) => readAll(catalog, options));
  if (options.json) {
    context.printJson({ clips });
    return;
  }
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: ['id', 'title', 'collection', 'status', 'segments', 'tags'],
    style: { head: [], border: [] },
  });
  for (const clip of clips) {
    table.push([clip.id, clip.title, clip.collection, clip.status, clip.segmentCount, clip.tags.join(', ')]);
  }
  context.print(clips.length === 0 ? 'No clips.' : table.toString());
}

async function readAll(
  catalog: CatalogService,
  { collection, tag, limit = Infinity }: ListOptions,
): Promise<Clip[]> {
  const clips: Clip[] = [];
  let cursor: string | undefined;
  do {
    const pageSize = Math.min(PAGE_SIZE, limit - clips.length);
    const page = await catalog.listClips({ collection, tag, limit: pageSize, cursor });
    clips.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && clips.length < limit);
  return clips;
}

async function remove(ids: readonly string[], context: CommandContext): Promise<void> {
  await context.withCatalog({ worker: true }, async (catalog) => {
    for (const id of ids) {
      try {
        await catalog.deleteClip(id);
        context.print(`removed ${id}`);
      } catch (thrown) {
        const { code, message } = asEarshotError(thrown);
        context.note(`error [${code}]: ${message}`);
        context.exitCode = 1;
      }
    }
  });
}
