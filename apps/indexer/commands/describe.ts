/** `earshot describe`: what one would expect to hear of a picture. */
import type { Command } from 'commander';
import type { DescriptionEvidence } from '#catalog/catalog-service';
import { type PartOptions, subjectOf, withPartOptions } from '../analysis-subject.ts';
import type { CommandContext } from '../context.ts';

interface DescribeOptions extends PartOptions {
  json?: boolean;
}

export function registerDescribe(program: Command, context: CommandContext): void {
  withPartOptions(
    program
      .command('describe')
      .description('say what one would expect to hear of a picture')
      .argument('<file>', 'a file, or the id of a clip'),
  )
    .option('--json', 'print {sentence, evidence} as one JSON document')
    .action((file: string, options: DescribeOptions) => describe(file, options, context));
}

async function describe(file: string, options: DescribeOptions, context: CommandContext): Promise<void> {
  const subject = subjectOf(file, options);
  const { sentence, evidence, model } = await context.withCatalog({ worker: false }, (catalog) =>
    catalog.describe({ subject }, { signal: context.signal }),
  );
  if (options.json) return context.printJson({ sentence, evidence });
  context.print(sentence);
  for (const entry of evidence) context.print(`  ${lineOf(entry)}`);
  context.note(`model ${model.id}`);
}

function lineOf(entry: DescriptionEvidence): string {
  if (entry.kind === 'label') {
    const percent = (100 * entry.probability).toFixed(1);
    return `label ${entry.label}: ${percent} %, cosine ${entry.score.toFixed(3)}`;
  }
  if (entry.kind === 'clip')
    return `clip "${entry.title}": cosine ${entry.score.toFixed(3)}, ${entry.clipId}`;
  const { onsetsPerSec, motionPerSec, loudness } = entry;
  return `motion: ${onsetsPerSec.toFixed(2)} bursts a second, luma changes by ${(100 * motionPerSec).toFixed(1)} % a second: ${loudness}`;
}
