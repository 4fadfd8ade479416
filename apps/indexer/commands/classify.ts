/** `earshot classify`: which label a scene belongs to, for one clip or for a whole collection. */
import type { Command } from 'commander';
import type { Classification } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import { type PartOptions, subjectOf, withPartOptions } from '../analysis-subject.ts';
import { classifyCollection } from '../classify-collection.ts';
import type { CommandContext } from '../context.ts';
import { labelsOption } from '../option-parsers.ts';

interface ClassifyOptions extends PartOptions {
  labels?: string[];
  collection?: string;
  yes?: boolean;
  json?: boolean;
}

export function registerClassify(program: Command, context: CommandContext): void {
  withPartOptions(
    program
      .command('classify')
      .description('say which label a scene belongs to')
      .argument('[file]', 'a file, or the id of a clip')
      .option(
        '--labels <names>',
        'choose among these, such as dog,car (default: all that have examples)',
        labelsOption,
      )
      .option(
        '--collection <name>',
        'classify every clip of the collection and, after asking, write the labels as tags',
      )
      .option('--yes', 'write the tags without asking'),
  )
    .option('--json', 'print {scores, verdict} as one JSON document')
    .action((file: string | undefined, options: ClassifyOptions) => classify(file, options, context));
}

async function classify(
  file: string | undefined,
  options: ClassifyOptions,
  context: CommandContext,
): Promise<void> {
  const { collection, labels, yes = false, json = false } = options;
  if ((file === undefined) === (collection === undefined)) {
    throw new EarshotError('invalid_argument', 'Classify either one file or clip, or a --collection.');
  }
  if (collection !== undefined) return classifyCollection({ collection, labels, yes, json }, context);
  const subject = subjectOf(file as string, options);
  const found = await context.withCatalog({ worker: false }, (catalog) =>
    catalog.classify({ subject, labels }, { signal: context.signal }),
  );
  if (json) return context.printJson({ scores: found.scores, verdict: found.verdict });
  await printTable(found, context);
}

async function printTable(
  { scores, verdict, audio, video, model }: Classification,
  context: CommandContext,
): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const percent = (value: number | undefined) => (value === undefined ? '' : `${(100 * value).toFixed(1)} %`);
  const of = (stream: typeof audio) => new Map(stream?.map(({ label, probability }) => [label, probability]));
  const [heard, seen] = [of(audio), of(video)];
  const table = new Table({
    head: ['label', 'together', 'by sound', 'by picture'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { label, probability } of [...scores].sort((a, b) => b.probability - a.probability))
    table.push([label, percent(probability), percent(heard.get(label)), percent(seen.get(label))]);
  context.print(verdict === 'unknown' ? 'unknown: no label is near' : verdict);
  context.print(table.toString());
  context.note(`model ${model.id}`);
}
