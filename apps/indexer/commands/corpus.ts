/** `earshot corpus`: makes the generated corpus that `earshot train` learns from. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { integerOption } from '../option-parsers.ts';
import { StageBar } from '../stage-bar.ts';

interface CorpusFlags {
  out?: string;
  seed?: number;
  train?: number;
  validation?: number;
  test?: number;
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
      const { DEFAULT_CORPUS, generateCorpus } = await import('#learning/corpus/generate-corpus');
      const bar = new StageBar();
      const summary = await generateCorpus({
        ...DEFAULT_CORPUS,
        folder: path.resolve(flags.out ?? path.join((await context.config()).dataDir, 'corpus')),
        seed: flags.seed ?? DEFAULT_CORPUS.seed,
        clips: {
          train: flags.train ?? DEFAULT_CORPUS.clips.train,
          validation: flags.validation ?? DEFAULT_CORPUS.clips.validation,
          test: flags.test ?? DEFAULT_CORPUS.clips.test,
        },
        recordings: flags.withoutRecordings ? 'none' : flags.gplSources ? 'all' : 'open',
        mediaSources: flags.mediaSources && path.resolve(flags.mediaSources),
        threads: flags.threads,
        signal: context.signal,
        onProgress: ({ split, done, total }) => bar.update(split, done, total),
      }).finally(() => bar.stop());
      if (flags.json) return context.printJson(summary);
      context.print(`Corpus in ${summary.folder}`);
      for (const [split, { clips, manifestSha256 }] of Object.entries(summary.splits)) {
        context.print(`  ${split.padEnd(10)} ${String(clips).padStart(6)} clips  manifest ${manifestSha256}`);
      }
    });
}
