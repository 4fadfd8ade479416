/** `earshot search`: sounds for a picture, pictures for a sound. */
import { type Command, Option } from 'commander';
import type { ClipFilter, SearchPage, SearchQuery } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import type { CommandContext } from '../context.ts';
import { filterOption, integerOption, scoreOption } from '../option-parsers.ts';

const CLIP_HELP = `
A clip asks with its sound for --for video and with its picture for the rest, or with what it has. It is among its
own answers where the other modality is found (its own sound fits its picture), and left out where it would only
find itself: by its sound for audio, by its picture for video, and always with --for clip. To leave it out
everywhere: --filter '{"excludeClipIds": ["<id>"]}'`;

interface SearchOptions {
  video?: string;
  audio?: string;
  clip?: string;
  text?: string;
  for: 'audio' | 'video' | 'clip';
  topK: number;
  minScore?: number;
  filter?: ClipFilter;
  json?: boolean;
}

export function registerSearch(program: Command, context: CommandContext): void {
  program
    .command('search')
    .description('find sounds for a picture, and pictures for a sound')
    .option('--video <file>', 'search with the picture of this file')
    .option('--audio <file>', 'search with the sound of this file')
    .option('--clip <id>', 'search with a clip of the catalog')
    .option('--text <words>', 'search with words, where the model has a text tower')
    .addOption(
      new Option('--for <target>', 'what to find: sounds, pictures, or clips by either')
        .choices(['audio', 'video', 'clip'])
        .makeOptionMandatory(),
    )
    .option('--top-k <number>', 'how many to print, 1 to 1000', integerOption(1, 1000), 10)
    .option('--min-score <score>', 'leave out what scores less, -1 to 1', scoreOption)
    .option(
      '--filter <json>',
      'only clips that pass, such as {"collections": ["field"], "anyTag": ["dog"]}',
      filterOption,
    )
    .option('--json', 'print {results, total, model, tookMs} as one JSON document')
    .addHelpText('after', CLIP_HELP)
    .action((options: SearchOptions) => search(options, context));
}

async function search(options: SearchOptions, context: CommandContext): Promise<void> {
  const { for: target, topK, minScore, filter } = options;
  const query = queryOf(options);
  const page = await context.withCatalog({ worker: false }, (catalog) =>
    catalog.search({ query, for: target, topK, minScore, filter }, { signal: context.signal }),
  );
  if (options.json) context.printJson(documentOf(page));
  else await printTable(page, context);
}

function queryOf({ video, audio, clip, text }: SearchOptions): SearchQuery {
  const given = [video, audio, clip, text].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const message = 'Search with exactly one of --video, --audio, --clip and --text.';
    throw new EarshotError('invalid_argument', message);
  }
  if (video !== undefined) return { file: video, modality: 'video' };
  if (audio !== undefined) return { file: audio, modality: 'audio' };
  if (clip !== undefined) return { clipId: clip };
  return { text: text ?? '' };
}

function documentOf({ results, total, model, text, tookMs }: SearchPage): unknown {
  const rows = results.map(({ clip, segment, score, modality }) => ({
    clipId: clip.id,
    title: clip.title,
    file: clip.sourcePath ?? clip.fileName,
    segment: { startSec: segment.startSec, endSec: segment.endSec },
    score,
    modality,
  }));
  return { results: rows, total, model, ...(text && { text }), tookMs };
}

async function printTable(page: SearchPage, context: CommandContext): Promise<void> {
  const { resultTable } = await import('../result-table.ts');
  if (page.results.length === 0) context.print('Nothing found.');
  else context.print(resultTable(page.results));
  const { understood = [], unknownWords = [] } = page.text ?? {};
  if (understood.length > 0) context.note(`searched for: ${understood.join(', ')}`);
  if (unknownWords.length > 0) context.note(`left out, unknown to the model: ${unknownWords.join(', ')}`);
  const total = page.totalIsLowerBound ? `more than ${page.total}` : String(page.total);
  context.note(`${page.results.length} of ${total}, ${Math.round(page.tookMs)} ms, model ${page.model.id}`);
}
