/** `earshot correspond`: whether a picture and a sound belong together. */
import type { Command } from 'commander';
import { type PartOptions, subjectOf, withPartOptions } from '../analysis-subject.ts';
import type { CommandContext } from '../context.ts';

interface CorrespondOptions extends PartOptions {
  audio?: string;
  json?: boolean;
}

export function registerCorrespond(program: Command, context: CommandContext): void {
  withPartOptions(
    program
      .command('correspond')
      .description('say whether a picture and a sound belong together')
      .argument('<file>', 'a file, or the id of a clip: its picture, and its sound unless --audio is given')
      .option('--audio <file>', 'the sound of this file, or of the clip with this id'),
  )
    .option('--json', 'print {score, probability} as one JSON document')
    .action((file: string, options: CorrespondOptions) => correspond(file, options, context));
}

async function correspond(file: string, options: CorrespondOptions, context: CommandContext): Promise<void> {
  const picture = subjectOf(file, options);
  const sound = options.audio === undefined ? undefined : subjectOf(options.audio);
  const { score, probability, model } = await context.withCatalog({ worker: false }, (catalog) =>
    catalog.correspond({ picture, sound }, { signal: context.signal }),
  );
  if (options.json) return context.printJson({ score, probability });
  const percent = probability === null ? '' : `, probability ${(100 * probability).toFixed(1)} %`;
  context.print(`score ${score.toFixed(3)}${percent}`);
  context.note(
    probability === null
      ? `model ${model.id}; it has no calibration, so there is no probability`
      : `model ${model.id}`,
  );
}
