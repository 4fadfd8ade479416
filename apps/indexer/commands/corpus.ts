/** `earshot corpus`: makes the generated corpus that `earshot train` learns from. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SPLITS, type Split } from '#learning/corpus/performance';
import type { CommandContext } from '../context.ts';
import { integerOption } from '../option-parsers.ts';
import { StageBar } from '../stage-bar.ts';

interface CorpusFlags {
  out?: string;
  seed?: number;
  train?: number;
  validation?: number;
  test?: number;
  unseen?: number;
  splits?: Partial<Record<Split, number | null>>;
  threads?: number;
  mediaSources?: string;
  withoutRecordings?: boolean;
  gplSources?: boolean;
  json?: boolean;
}

export function registerCorpus(program: Command, context: CommandContext): void {
  const count = integerOption(0, 1_000_000);
  program
    .command('corpus')
    .description('render the generated corpus: short videos of sounding objects, with ground truth')
    .option('--out <folder>', 'where to (default: corpus in the data folder); a stopped run goes on there')
    .option('--seed <n>', 'everything follows from it', integerOption(0, 2 ** 31))
    .option('--train <n>', 'training clips', count)
    .option('--validation <n>', 'validation clips', count)
    .option('--test <n>', 'test clips', count)
    .option('--unseen <n>', 'test clips of objects that no other split has', count)
    .option(
      '--splits <names>',
      `which splits to make, with commas, each with its size after = (default: test,unseen,validation,train): ${SPLITS.join(', ')}`,
      parseSplits,
    )
    .option('--threads <n>', 'rendering threads (default: one a core)', integerOption(1, 256))
    .option('--media-sources <folder>', 'unpacked tree of the packages of recordings (default: as installed)')
    .option('--without-recordings', 'leave out the classes made from recordings and pictures')
    .addOption(
      new Option(
        '--gpl-sources',
        'with the classes whose files are under a GPL: ship nothing learned from them',
      ).conflicts('withoutRecordings'),
    )
    .option('--json', 'print one JSON document')
    .action(async (flags: CorpusFlags) => {
      const { DEFAULT_CORPUS, FURTHER_SPLITS, generateCorpus } = await import(
        '#learning/corpus/generate-corpus'
      );
      const bar = new StageBar();
      const summary = await generateCorpus({
        ...DEFAULT_CORPUS,
        folder: path.resolve(flags.out ?? path.join((await context.config()).dataDir, 'corpus')),
        seed: flags.seed ?? DEFAULT_CORPUS.seed,
        clips: clipsOf(flags, { ...DEFAULT_CORPUS.clips, ...FURTHER_SPLITS }),
        recordings: flags.withoutRecordings ? 'none' : flags.gplSources ? 'all' : 'open',
        mediaSources: flags.mediaSources && path.resolve(flags.mediaSources),
        threads: flags.threads,
        signal: context.signal,
        onProgress: ({ split, done, total }) => bar.update(split, done, total),
      }).finally(() => bar.stop());
      if (flags.json) return context.printJson(summary);
      context.print(`Corpus in ${summary.folder}`);
      for (const [split, { clips, manifestSha256 }] of Object.entries(summary.splits)) {
        context.print(`  ${split.padEnd(18)} ${String(clips).padStart(6)} clips  manifest ${manifestSha256}`);
      }
    });
}

/** `NAME,NAME=COUNT,...`; null stands for a split's own size. */
function parseSplits(value: string): Partial<Record<Split, number | null>> {
  const splits: Partial<Record<Split, number | null>> = {};
  for (const part of value.split(',')) {
    const [name = '', size] = part.trim().split('=');
    const split = SPLITS.find((each) => each === name);
    if (!split) {
      throw new InvalidArgumentError(`There is no split "${name}": choose of ${SPLITS.join(', ')}.`);
    }
    splits[split] = size === undefined ? null : integerOption(0, 1_000_000)(size);
  }
  return splits;
}

const FIRST_SPLITS = { test: null, unseen: null, validation: null, train: null };

/** Which splits are made and how large they are: as `--splits` says, then as the split's own option, then as usual. */
function clipsOf(flags: CorpusFlags, usual: Partial<Record<Split, number>>): Partial<Record<Split, number>> {
  const own: Partial<Record<Split, number>> = {
    train: flags.train,
    validation: flags.validation,
    test: flags.test,
    unseen: flags.unseen,
  };
  const asked = flags.splits ?? FIRST_SPLITS;
  return Object.fromEntries(
    Object.entries(asked).map(([name, size]) => {
      const split = name as Split;
      return [split, size ?? own[split] ?? usual[split] ?? 0];
    }),
  );
}
