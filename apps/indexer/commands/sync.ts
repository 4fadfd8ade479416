/** `earshot sync`: how far a clip's sound is ahead of its picture, and a copy that is in time. */
import path from 'node:path';
import type { Command } from 'commander';
import type { Synchronization } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import { type PartOptions, subjectOf, withPartOptions } from '../analysis-subject.ts';
import type { CommandContext } from '../context.ts';
import { sparkline } from '../sparkline.ts';

interface SyncOptions extends PartOptions {
  fix?: string;
  json?: boolean;
}

/** One bar for 0.1 s. */
const BAR_SEC = 0.1;

export function registerSync(program: Command, context: CommandContext): void {
  withPartOptions(
    program
      .command('sync')
      .description('say how far the sound is ahead of the picture')
      .argument('<file>', 'a file, or the id of a clip')
      .option('--fix <file>', 'write a copy in which it is in time; the picture is copied as it is'),
  )
    .option('--json', 'print {offsetSec, confidence, synchronizability, verdict} as one JSON document')
    .action((file: string, options: SyncOptions) => sync(file, options, context));
}

async function sync(file: string, options: SyncOptions, context: CommandContext): Promise<void> {
  const { signal } = context;
  const subject = subjectOf(file, options);
  if (options.fix !== undefined && !('file' in subject)) {
    const message = 'Only a file can be mended: name one instead of a clip.';
    throw new EarshotError('invalid_argument', message, { subject: 'fix' });
  }
  const found = await context.withCatalog({ worker: false }, (catalog) =>
    catalog.synchronize(subject, { signal }),
  );
  if (options.fix !== undefined) {
    const { fixSynchronization } = await import('#catalog/analysis/fix-synchronization');
    await fixSynchronization(file, path.resolve(options.fix), found, { signal });
  }
  if (options.json) {
    const { offsetSec, confidence, synchronizability, verdict } = found;
    return context.printJson({ offsetSec, confidence, synchronizability, verdict });
  }
  printFound(found, context);
  if (options.fix !== undefined) context.note(`written: ${options.fix}`);
}

function printFound(found: Synchronization, context: CommandContext): void {
  const { confidence, synchronizability, curve, segment, model } = found;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  context.print(sentenceOf(found));
  context.print(`confidence ${percent(confidence)}, synchronizability ${percent(synchronizability)}`);
  context.print(curveLine(curve));
  context.note(
    `looked at ${segment.startSec.toFixed(2)} s to ${segment.endSec.toFixed(2)} s with model ${model.id}`,
  );
}

const VERDICTS = { in_sync: 'in sync', detectable: 'detectable', out_of_sync: 'out of sync' } as const;

function sentenceOf({ offsetSec, verdict }: Synchronization): string {
  if (offsetSec === null || verdict === 'not_synchronizable')
    return 'not synchronizable: nothing in it tells clearly how sound and picture lie in time';
  const milliseconds = Math.round(1000 * offsetSec);
  const size = Math.abs(milliseconds);
  const side = milliseconds > 0 ? 'ahead of' : 'behind';
  const where = size === 0 ? 'sound and picture in time' : `sound ${size} ms ${side} the picture`;
  return `${VERDICTS[verdict]}: ${where}`;
}

/** The offsets' probabilities as a line of bars, the highest one of each tenth of a second. */
function curveLine(curve: Synchronization['curve']): string {
  const limit = curve.at(-1)?.offsetSec ?? 0;
  const bars = new Array<number>(2 * Math.round(limit / BAR_SEC) + 1).fill(0);
  for (const { offsetSec, probability } of curve) {
    const bar = Math.round((offsetSec + limit) / BAR_SEC);
    bars[bar] = Math.max(bars[bar] ?? 0, probability);
  }
  const end = limit.toFixed(1);
  return `sound behind  -${end} s ${sparkline(bars)} +${end} s  sound ahead`;
}
