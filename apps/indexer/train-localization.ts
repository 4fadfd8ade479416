/** `earshot train --head localization` and `--head grouping`: trained on a model's towers, which stay as they are. */
import path from 'node:path';
import type { trainGrouping } from '#learning/localization/train-grouping';
import type { CommandContext } from './context.ts';
import { StageBar } from './stage-bar.ts';

interface TrainHeadFlags {
  base?: string;
  corpus?: string;
  steps?: number;
  maxClips?: number;
  seed: number;
  withoutGrouping?: boolean;
  run?: string;
  resume?: boolean;
  json?: boolean;
}

type Head = 'localization' | 'grouping';

const SUITES = { localization: 'localization', grouping: 'localization-duets' } as const;

export async function trainHeadThatLocalizes(
  head: Head,
  flags: TrainHeadFlags,
  context: CommandContext,
): Promise<void> {
  const folder = await context.modelFolder(flags.base);
  const bar = new StageBar();
  try {
    const { id, version, heads, calibration } = await trained(head, folder, flags, context, bar);
    bar.stop();
    const parameterCount = heads?.[head]?.weights.parameterCount ?? 0;
    if (flags.json) {
      context.printJson({ model: { id, version }, head, parameterCount, calibration });
      return;
    }
    context.print(`${id} ${version} has a ${head} head now: ${parameterCount} parameters`);
    context.print(`Measure it: earshot evaluate --suite ${SUITES[head]} --model ${flags.base ?? folder}`);
  } finally {
    bar.stop();
  }
}

async function trained(
  head: Head,
  folder: string,
  flags: TrainHeadFlags,
  context: CommandContext,
  bar: StageBar,
): ReturnType<typeof trainGrouping> {
  const { dataDir } = await context.config();
  const options = {
    folder,
    corpus: path.resolve(flags.corpus ?? path.join(dataDir, 'corpus')),
    cacheFolder: path.join(dataDir, 'cache', 'training'),
    runFolder: path.resolve(flags.run ?? path.join(dataDir, 'runs', head)),
    resume: flags.resume ?? false,
    steps: flags.steps,
    maxClips: flags.maxClips,
    seed: flags.seed,
    signal: context.signal,
    onStage: (stage: string, done: number, total: number, detail?: string) =>
      bar.update(stage, done, total, detail),
  };
  if (head === 'localization')
    return (await import('#learning/localization/train-localization')).trainLocalization(options);
  const grouping = await import('#learning/localization/train-grouping');
  return grouping.trainGrouping({ ...options, grouping: !flags.withoutGrouping });
}
