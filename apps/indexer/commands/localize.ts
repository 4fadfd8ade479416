/** `earshot localize`: where in the picture the sound comes from, as maps, pictures and a film. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { Localization, LocalizationRequest } from '#catalog/catalog-service';
import { type PartOptions, subjectOf, withPartOptions } from '../analysis-subject.ts';
import type { CommandContext } from '../context.ts';
import { numberOption } from '../option-parsers.ts';

interface LocalizeOptions extends PartOptions {
  out: string;
  query?: string;
  rate?: number;
  overlays: 'none' | 'pictures' | 'film';
  json?: boolean;
}

export function registerLocalize(program: Command, context: CommandContext): void {
  withPartOptions(
    program
      .command('localize')
      .description('show where in the picture the sound comes from')
      .argument('<file>', 'a file, or the id of a clip')
      .requiredOption('--out <folder>', 'where maps, pictures and the film are written to')
      .option(
        '--query <what>',
        'look for this sound: that of a file, of the clip with this id, or what a label stands for',
      )
      .option('--rate <n>', 'maps a second (default: 5)', numberOption(0, 25)),
  )
    .addOption(
      new Option(
        '--overlays <kind>',
        'the heat over the picture: none, a picture for each map, or a film too',
      )
        .choices(['none', 'pictures', 'film'])
        .default('film'),
    )
    .option('--json', 'print one JSON document')
    .action((file: string, options: LocalizeOptions) => localize(file, options, context));
}

async function localize(file: string, options: LocalizeOptions, context: CommandContext): Promise<void> {
  const folder = path.resolve(options.out);
  const request = {
    subject: subjectOf(file, options),
    query: options.query === undefined ? undefined : queryOf(options.query),
    folder,
    mapsPerSec: options.rate,
    overlays: options.overlays,
  };
  const found = await context.withCatalog({ worker: false }, (catalog) =>
    catalog.localize(request, { signal: context.signal }),
  );
  if (options.json) return context.printJson(withPaths(found, folder));
  const percent = (100 * found.confidence).toFixed(0);
  context.print(
    found.sounding
      ? `something in the picture sounds (confidence ${percent} %)`
      : `nothing in the picture sounds (confidence ${percent} %, ${(100 * found.threshold).toFixed(0)} % is needed)`,
  );
  for (const { label, probability } of found.sources)
    context.print(`  ${label} (probability ${(100 * probability).toFixed(0)} %)`);
  const pictures = found.overlays.length > 0 ? `, ${found.overlays.length} pictures` : '';
  context.print(`${found.maps.length} maps${pictures}${found.film ? ' and a film' : ''} in ${folder}`);
}

/** A file where one of that name is there, a clip where it can be a clip's id, else a label. */
function queryOf(text: string): NonNullable<LocalizationRequest['query']> {
  const subject = subjectOf(text);
  return 'file' in subject && !existsSync(text) && !/[/\\.]/.test(text) ? { label: text } : subject;
}

/** File names as paths that can be opened. */
function withPaths({ model: _model, ...found }: Localization, folder: string): Omit<Localization, 'model'> {
  const placed = <T extends { file: string }>(of: T): T => ({ ...of, file: path.join(folder, of.file) });
  return {
    ...found,
    maps: found.maps.map(placed),
    sources: found.sources.map((source) => ({ ...source, maps: source.maps.map(placed) })),
    overlays: found.overlays.map(placed),
    film: found.film && path.join(folder, found.film),
  };
}
