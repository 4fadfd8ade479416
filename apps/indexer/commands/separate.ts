/** `earshot separate`: the sound of what is pointed at in the picture, and the rest. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SeparationRequest } from '#catalog/catalog-service';
import { type PartOptions, subjectOf, withPartOptions } from '../analysis-subject.ts';
import type { CommandContext } from '../context.ts';
import { StageBar } from '../stage-bar.ts';

interface SeparateOptions extends PartOptions {
  region?: SeparationRequest['region'];
  with?: string;
  class?: string;
  codec: 'wav' | 'same';
  previews?: boolean;
  out: string;
  json?: boolean;
}

export function registerSeparate(program: Command, context: CommandContext): void {
  withPartOptions(
    program
      .command('separate')
      .description('take the sound of what is seen out of a mixture, and keep the rest as well')
      .argument('<file>', 'a file, or the id of a clip: the mixture, and the picture unless --with is given')
      .option('--region <x,y,w,h>', 'point at this part of the picture, in 0..1 of its size', regionOption)
      .option('--with <file>', 'go by the picture of this file, or of the clip with this id')
      .addOption(
        new Option(
          '--class <name>',
          'find in the picture what sounds like this label, and point at it',
        ).conflicts(['region', 'with']),
      )
      .addOption(
        new Option('--codec <which>', "24-bit WAV, or the same codec as the input's")
          .choices(['wav', 'same'])
          .default('wav'),
      )
      .option('--previews', 'also write target-preview.m4a and residual-preview.m4a, as loud as the mixture')
      .requiredOption('--out <folder>', 'where target, residual and spectrograms.png are written'),
  )
    .option('--json', 'print one JSON document')
    .action((file: string, options: SeparateOptions) => separate(file, options, context));
}

async function separate(file: string, options: SeparateOptions, context: CommandContext): Promise<void> {
  const request: SeparationRequest = {
    mixture: subjectOf(file, options),
    ...(options.with !== undefined && { like: subjectOf(options.with) }),
    ...(options.region && { region: options.region }),
    ...(options.class !== undefined && { label: options.class }),
    codec: options.codec,
    previews: options.previews ?? false,
  };
  const bar = new StageBar();
  try {
    const made = await context.withCatalog({ worker: false }, (catalog) =>
      catalog.separate(request, path.resolve(options.out), {
        signal: context.signal,
        onProgress: (part) => bar.update('separate', Math.round(100 * part), 100),
      }),
    );
    bar.stop();
    const { channels: _channels, ...document } = made;
    if (options.json) return context.printJson(document);
    const { target, residual, picture, previews, region, sampleRateHz, durationSec, targetShare } = made;
    context.print(`target    ${target}`);
    context.print(`residual  ${residual}`);
    context.print(`picture   ${picture}`);
    if (previews) context.print(`previews  ${previews.target}\n          ${previews.residual}`);
    if (region) context.note(`"${options.class}" was found in the region ${shown(region)}`);
    context.note(
      `${durationSec.toFixed(1)} s at ${sampleRateHz} Hz; the target has ${(100 * targetShare).toFixed(1)} % of the mixture's energy`,
    );
  } finally {
    bar.stop();
  }
}

function shown({ x, y, width, height }: NonNullable<SeparationRequest['region']>): string {
  return [x, y, width, height].map((share) => share.toFixed(2)).join(',');
}

function regionOption(text: string): NonNullable<SeparationRequest['region']> {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [x, y, width, height] = numbers;
  if (numbers.length !== 4 || !numbers.every(Number.isFinite)) {
    throw new InvalidArgumentError(
      'Give four numbers in 0..1: left, top, width and height, such as 0.5,0,0.5,1.',
    );
  }
  return { x, y, width, height } as NonNullable<SeparationRequest['region']>;
}
