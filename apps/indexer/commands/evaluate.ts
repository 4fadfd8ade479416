/** `earshot evaluate`: a model's retrieval or its concepts, with N, chance and a 95 % interval beside every score. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import Table from 'cli-table3';
import { type Command, Option } from 'commander';
import type { CatalogConfig } from '#catalog/config';
import { EarshotError } from '#core/errors';
import type { Control } from '#learning/evaluation/control-models';
import type { DuetsSuite } from '#learning/evaluation/duets-suite';
import type { SeparationSuite } from '#learning/evaluation/separation-suite';
import type { CommandContext } from '../context.ts';
import { integerOption } from '../option-parsers.ts';
import { StageBar } from '../stage-bar.ts';

interface EvaluateFlags {
  suite: string;
  pairs?: string;
  model?: string;
  corpus?: string;
  clips?: number;
  ablation?: string;
  control: Control;
  esc10?: string;
  plot?: string;
  json?: boolean;
}

/** What every suite is handed. */
interface Measuring {
  flags: EvaluateFlags;
  config: CatalogConfig;
  context: CommandContext;
  corpus: string;
  signal: AbortSignal;
  bar: StageBar;
}

interface Scored {
  suite: string;
  n: number;
  model: { id: string; version: string };
  results: Record<string, { value: number; chance: number; ci95: [number, number]; classOracle?: number }>;
  skipped?: { file: string; reason: string }[];
}

/** The suites, and the corpus split that each scores, where it is the model in use that is scored. */
const SUITES = {
  retrieval: 'test',
  'retrieval-unseen-objects': 'unseen',
  classification: 'test',
  'colour-control': 'test',
  'separation-unlike': null,
  'separation-like': null,
  'separation-trios': null,
  'separation-faces': null,
  correspondence: 'test',
  synchronization: 'test',
  localization: 'unseen',
  'localization-duets': null,
  'localization-trios': null,
  'localization-swap': null,
  'localization-faces': null,
  'negative-audio': 'unseen',
  concepts: null,
} as const;
type Suite = keyof typeof SUITES;
const SUITE_NAMES = Object.keys(SUITES);

export function registerEvaluate(program: Command, context: CommandContext): void {
  program
    .command('evaluate')
    .description('measure a model on unseen clips')
    .option('--suite <name>', SUITE_NAMES.join(', '), 'retrieval')
    .option(
      '--pairs <file>',
      'your own clips: JSON lines of {"file", "labels"}; suites concepts and classification: or of {"file", "concepts"}',
    )
    .option(
      '--esc10 <folder>',
      'suites concepts and classification: score the sounds of ESC-10 as well (without --pairs, classification scores them alone)',
    )
    .option('--plot <file>', 'suite correspondence: write the reliability plot, an SVG')
    .option('--model <name>', 'a name or folder (default: the model in use)')
    .option('--corpus <folder>', 'made by `earshot corpus` (default: corpus in the data folder)')
    .option('--clips <n>', 'only the first so many test clips', integerOption(2, 1_000_000))
    .option(
      '--ablation <model>',
      'suite localization-duets: beside it a model whose grouping head was trained --without-grouping',
    )
    .addOption(
      new Option(
        '--control <kind>',
        'measure, instead of the model, one that knows nothing but has its shape',
      )
        .choices(['none', 'untrained', 'constant'])
        .default('none'),
    )
    .option('--json', 'print one JSON document')
    .action(async (flags: EvaluateFlags) => {
      const scored = await evaluate(flags, context);
      if (flags.json) return context.printJson(scored);
      printTable(scored, context);
    });
}

async function evaluate(flags: EvaluateFlags, context: CommandContext): Promise<Scored> {
  const config = await context.config();
  const corpus = path.resolve(flags.corpus ?? path.join(config.dataDir, 'corpus'));
  if (!SUITE_NAMES.includes(flags.suite)) {
    throw new EarshotError(
      'invalid_argument',
      `There is no suite ${flags.suite}; there are ${SUITE_NAMES.join(', ')}.`,
      {
        subject: 'suite',
      },
    );
  }
  const bar = new StageBar();
  const run: Measuring = { flags, config, context, corpus, bar, signal: context.signal };
  try {
    if (flags.suite === 'colour-control' && !flags.pairs) {
      const { evaluateColourControl } = await import('#learning/evaluation/colour-control');
      return await evaluateColourControl({
        corpus,
        ...followedFromCache(run),
      });
    }
    if (flags.suite === 'separation-faces') return await evaluateSeparationFaces(run);
    if (flags.suite.startsWith('separation-')) return await evaluateSeparation(run);
    if ((flags.suite === 'localization' || flags.suite === 'negative-audio') && !flags.pairs)
      return await evaluateMaps(flags.suite, run);
    if (flags.suite === 'localization-faces') return await evaluateFaces(run);
    if (flags.suite.startsWith('localization-') && !flags.pairs) return await evaluateMixtures(run);
    if (flags.suite === 'concepts') return await evaluateConcepts(run);
    if (flags.suite === 'classification') return await evaluateClassification(run);
    if (flags.suite === 'synchronization') return await evaluateSynchronization(run);
    if (flags.suite === 'correspondence') return await evaluateCorrespondence(run);
    const { corpusClips, evaluateRetrieval, readPairsFile } = await import(
      '#learning/evaluation/evaluate-model'
    );
    const clips = flags.pairs
      ? await readPairsFile(flags.pairs)
      : await corpusClips(corpus, SUITES[flags.suite as Suite] ?? 'test', flags.clips);
    return await evaluateRetrieval(flags.pairs ? 'pairs' : flags.suite, {
      model: await modelOf(flags, await modelFolderOf(run)),
      clips,
      ...followed(run),
    });
  } finally {
    bar.stop();
  }
}

/** The folder of the model that is measured: the one asked for, or the one that is in use. */
function modelFolderOf({ flags, context }: Measuring, otherwise?: string): Promise<string> {
  return context.modelFolder(flags.model ?? otherwise);
}

/** How a suite is stopped and what it tells meanwhile. */
function followed({ signal, bar }: Measuring, stage = 'evaluate') {
  return { signal, onProgress: (done: number, total: number) => bar.update(stage, done, total) };
}

/** The same of a suite that names its own stages, with the clips that were decoded before. */
function followedFromCache({ config, signal, bar }: Measuring) {
  return {
    cacheFolder: path.join(config.dataDir, 'cache', 'training'),
    signal,
    onProgress: (stage: string, done: number, total: number) => bar.update(stage, done, total),
  };
}

/** That model, or the control that takes its place. */
async function modelOf(flags: EvaluateFlags, folder: string) {
  const { modelOrControl } = await import('#learning/evaluation/control-models');
  return modelOrControl(folder, flags.control);
}

async function evaluateSynchronization(run: Measuring): Promise<Scored> {
  const { flags, corpus } = run;
  const suite = await import('#learning/evaluation/synchronization-suite');
  return suite.evaluateSynchronization({
    modelFolder: await modelFolderOf(run),
    corpus,
    pairs: flags.pairs,
    clips: flags.clips,
    ...followedFromCache(run),
  });
}

async function evaluateMaps(suite: 'localization' | 'negative-audio', run: Measuring): Promise<Scored> {
  const request = {
    ...{ suite, corpus: run.corpus, split: SUITES[suite], clips: run.flags.clips },
    modelFolder: await modelFolderOf(run),
    ...followed(run),
  };
  if (suite === 'negative-audio')
    return (await import('#learning/evaluation/negative-audio-suite')).evaluateNegativeAudio(request);
  return (await import('#learning/evaluation/localization-suite')).evaluateLocalization(request);
}

async function evaluateMixtures(run: Measuring): Promise<Scored> {
  const { flags, corpus } = run;
  const { clips, ablation } = flags;
  const modelFolder = await modelFolderOf(run);
  if (flags.suite === 'localization-swap') {
    const { evaluateSwap } = await import('#learning/evaluation/swap-suite');
    return evaluateSwap({ modelFolder, corpus, clips, ...followed(run) });
  }
  const suite = await import('#learning/evaluation/duets-suite');
  return suite.evaluateDuets({
    ...{ suite: flags.suite as DuetsSuite, corpus, clips, modelFolder },
    ...(ablation && {
      ablationFolder: await modelFolderOf({ ...run, flags: { ...flags, model: ablation } }),
    }),
    ...followed(run),
  });
}

async function evaluateFaces(run: Measuring): Promise<Scored> {
  const { evaluateFaces: measure } = await import('#learning/evaluation/faces-suite');
  const modelFolder = await modelFolderOf(run);
  return measure({ modelFolder, list: listOfFaces(run), pairs: run.flags.clips, ...followedFromCache(run) });
}

async function evaluateSeparationFaces(run: Measuring): Promise<Scored> {
  const { evaluateSeparationFaces: measure } = await import('#learning/evaluation/separation-faces-suite');
  const modelFolder = await modelFolderOf(run, 'separation');
  return measure({ modelFolder, list: listOfFaces(run), pairs: run.flags.clips, ...followedFromCache(run) });
}

function listOfFaces({ flags: { pairs } }: Measuring): string {
  if (pairs !== undefined) return pairs;
  const message =
    'The suite needs clips of talking faces: give JSON lines of {"file", "labels", "source"} with --pairs.';
  throw new EarshotError('invalid_argument', message, { subject: 'pairs' });
}

async function evaluateCorrespondence(run: Measuring): Promise<Scored> {
  const { flags, corpus } = run;
  const { evaluateCorrespondence } = await import('#learning/evaluation/correspondence-suite');
  const { corpusClips } = await import('#learning/evaluation/evaluate-model');
  const folder = await modelFolderOf(run);
  const model = await modelOf(flags, folder);
  const clips = await corpusClips(corpus, 'test', flags.clips);
  const followedEmbedding = followed(run, 'embed');
  const { reliability, ...scored } = await evaluateCorrespondence(folder, model, clips, followedEmbedding);
  if (flags.plot !== undefined) {
    const { reliabilityPlot } = await import('#learning/evaluation/reliability-plot');
    const title = `${scored.model.id}: do they belong together? N = ${scored.n}`;
    await writeFile(flags.plot, reliabilityPlot(reliability, title));
  }
  return scored;
}

async function evaluateConcepts(run: Measuring): Promise<Scored> {
  const { flags } = run;
  if (flags.pairs === undefined) {
    const message =
      'The suite needs real labelled clips: give JSON lines of {"file", "concepts"} or {"file", "labels"} with --pairs.';
    throw new EarshotError('invalid_argument', message, { subject: 'pairs' });
  }
  const suite = await import('#learning/evaluation/evaluate-concepts');
  const { readConceptManifest } = await import('#learning/evaluation/concept-manifest');
  return suite.evaluateConcepts({
    modelFolder: await modelFolderOf(run),
    clips: await readConceptManifest(flags.pairs),
    esc10: flags.esc10 ?? null,
    ...followed(run),
  });
}

/** Decibels; what stands under chance is what guessing gains. */
async function evaluateSeparation(run: Measuring): Promise<Scored> {
  const { flags, corpus } = run;
  const { evaluateSeparation: measure } = await import('#learning/evaluation/separation-suite');
  return measure({
    suite: flags.suite as SeparationSuite,
    corpus,
    modelFolder: await modelFolderOf(run, 'separation'),
    clips: flags.clips,
    ...followed(run),
  });
}

async function evaluateClassification(run: Measuring): Promise<Scored> {
  const { flags, corpus } = run;
  const suite = await import('#learning/evaluation/evaluate-classification');
  const { corpusClips } = await import('#learning/evaluation/evaluate-model');
  const { readConceptManifest } = await import('#learning/evaluation/concept-manifest');
  const modelFolder = await modelFolderOf(run);
  const ownClips = () => (flags.esc10 ? [] : corpusClips(corpus, 'test', flags.clips));
  return suite.evaluateClassification({
    model: await modelOf(flags, modelFolder),
    modelFolder,
    clips: await (flags.pairs ? readConceptManifest(flags.pairs) : ownClips()),
    esc10: flags.esc10 ?? null,
    ...followed(run),
  });
}

function printTable(scored: Scored, context: CommandContext): void {
  const table = new Table({
    head: ['metric', 'value', 'chance', '95 % interval', 'class oracle'],
    style: { head: [], border: [] },
  });
  const format = (metric: string, value: number) =>
    metric.endsWith('medianRank') ? value.toFixed(1) : value.toFixed(3);
  for (const [metric, { value, chance, ci95, classOracle }] of Object.entries(scored.results)) {
    const [low, high] = ci95;
    table.push([
      metric,
      format(metric, value),
      format(metric, chance),
      `${format(metric, low)} to ${format(metric, high)}`,
      classOracle === undefined ? '' : format(metric, classOracle),
    ]);
  }
  context.print(`${scored.suite}, ${scored.model.id} ${scored.model.version}, N = ${scored.n}`);
  context.print(table.toString());
  for (const { file, reason } of scored.skipped ?? []) context.note(`left out: ${file} (${reason})`);
}
