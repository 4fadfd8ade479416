/**
 * Separation measured: mixtures of the generated corpus whose stems are known, each source asked for by its region of the
 * picture, BSS-eval beside the mixture's own score and beside what oracles reach.
 *
 * @see Vincent, Gribonval & Fevotte 2006; Zhao et al. 2018, "The Sound of Pixels", section 4
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { decodeFrames } from '#media/decode';
import type { PictureRegion } from '#media/filters';
import { readWav } from '#media/wav';
import { applyMask, magnitudes, Stft } from '#model/front-ends/stft';
import type { PixelBlock } from '#model/front-ends/video-batch';
import { bootstrap, type Estimate } from '#model/metrics/bootstrap';
import { bssEvalSets } from '#model/metrics/separation';
import { idealBinaryMasks, idealRatioMask, randomMask } from '#model/separation/masks';
import { factorize, oracleMasks } from '#model/separation/nmf';
import { withoutPart } from '#model/separation/rest-of-picture';
import { separateAudioByVisual } from '#model/separation/separate-audio-by-visual';
import { SeparationModel } from '#model/separation/separation-model';
import { type GroundTruth, type ManifestEntry, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { regionOf } from '../separation/object-region.ts';

const SEPARATION_SUITES = {
  'separation-unlike': 'test-duets-unlike',
  'separation-like': 'test-duets-like',
  'separation-trios': 'test-trios',
} as const satisfies Record<string, Split>;
export type SeparationSuite = keyof typeof SEPARATION_SUITES;

export interface SeparationSuiteOptions {
  suite: SeparationSuite;
  corpus: string;
  modelFolder: string;
  clips?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?(done: number, total: number): void;
}

export interface SeparationResults {
  suite: string;
  model: { id: string; version: string };
  /** Sources that were asked for. */
  n: number;
  /** `value` and `ci95` in decibels; `chance` is what doing nothing or guessing reaches. */
  results: Record<string, Estimate & { chance: number }>;
}

const STEM_RATE_HZ = 16_000;
/** As many components a source as the literature's supervised baselines have. */
const NMF = { componentsPerSource: 12, iterations: 60 };
/** Scores of silence are minus infinity; a mean needs a floor. */
const FLOOR_DB = -30;

/** What each way of separating makes of one source, as SDR in decibels. */
type Ways = Record<string, number>;

/** @throws EarshotError `file_not_found` without the split */
export async function evaluateSeparation(options: SeparationSuiteOptions): Promise<SeparationResults> {
  const { suite, corpus, clips, signal, onProgress } = options;
  const entries = (await readManifest(corpus, SEPARATION_SUITES[suite])).slice(0, clips);
  const model = await SeparationModel.load(options.modelFolder);
  try {
    const scores: Ways[] = [];
    for (const [i, entry] of entries.entries()) {
      signal?.throwIfAborted();
      scores.push(...(await scoreClip(await readMixture(corpus, entry), entries, corpus, i, model)));
      onProgress?.(i + 1, entries.length);
    }
    const { id, version } = model.manifest;
    return { suite, model: { id, version }, n: scores.length, results: summarise(scores) };
  } finally {
    await model.dispose();
  }
}

interface Mixture {
  file: string;
  truth: GroundTruth;
  stems: Float32Array[];
  sum: Float32Array;
}

async function readMixture(corpus: string, entry: ManifestEntry): Promise<Mixture> {
  const truth = JSON.parse(await readFile(path.join(corpus, entry.groundTruth), 'utf8')) as GroundTruth;
  const folder = path.dirname(path.join(corpus, entry.groundTruth));
  const stems: Float32Array[] = [];
  for (const { stem } of truth.sources) stems.push((await readWav(path.join(folder, stem))).samples);
  const length = Math.min(...stems.map((stem) => stem.length));
  const sum = new Float32Array(length);
  for (const stem of stems)
    for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (stem[i] as number);
  return {
    file: path.join(corpus, entry.file),
    truth,
    stems: stems.map((stem) => stem.subarray(0, length)),
    sum,
  };
}

/** One row for each source that is seen and sounds. */
async function scoreClip(
  mixture: Mixture,
  entries: readonly ManifestEntry[],
  corpus: string,
  index: number,
  model: SeparationModel,
): Promise<Ways[]> {
  const { stems, sum, truth } = mixture;
  const heard = async (frames: PixelBlock, isInStep: boolean, rest: PixelBlock | null = null) =>
    (await separateAudioByVisual(model, [sum], STEM_RATE_HZ, { frames, isInStep, rest }))
      .target[0] as Float32Array;
  const ways: Record<string, Float32Array[]> = { own: [], frozen: [], appearance: [], 'own.alone': [] };
  const whole = await framesOf(mixture, null, model);
  for (const source of stems.keys()) {
    const region = regionOf(truth, source);
    const frames = region ? await framesOf(mixture, region, model) : whole;
    const rest = region && withoutPart(whole, model.manifest.guide.video, region);
    ways.own?.push(await heard(frames, true, rest));
    ways.frozen?.push(await heard(frozen(frames), true, rest && frozen(rest)));
    ways.appearance?.push(await heard(frames, false, rest));
    ways['own.alone']?.push(await heard(frames, true));
  }
  Object.assign(ways, oracles(stems, sum, index));
  const stranger = await strangerOf(entries, corpus, index, truth, model);
  const silent = stranger && (await heard(stranger, false));
  const scored = bssEvalSets(stems, ways, { mixture: sum });
  return stems.flatMap((_, source) => {
    const mixtureDb = scored.own?.[source]?.mixtureSdrDb;
    if (mixtureDb === undefined || mixtureDb === null) return [];
    const row: Ways = { mixture: mixtureDb };
    for (const [way, scores] of Object.entries(scored)) {
      row[way] = Math.max(FLOOR_DB, scores[source]?.sdrDb ?? FLOOR_DB);
    }
    const right = energy(ways.own?.[source] as Float32Array);
    if (silent) row.wrongPicture = decibels(right) - decibels(energy(silent));
    return [row];
  });
}

/** Frames of a region, or of the whole picture. */
async function framesOf(
  { file, truth }: Mixture,
  region: PictureRegion | null,
  model: SeparationModel,
): Promise<PixelBlock> {
  const { video, steps } = model.manifest.guide;
  const { rateHz, width, height, fit } = video;
  const endSec = Math.max(truth.durationSec, steps / rateHz);
  const { data, count } = await decodeFrames(file, { rateHz, width, height, fit, region, endSec });
  return { data, count };
}

/** The picture stands still: whatever is left comes from appearance. */
function frozen({ data, count }: PixelBlock): PixelBlock {
  const first = data.subarray(0, data.length / count);
  const still = new Uint8Array(data.length);
  for (let i = 0; i < count; i++) still.set(first as Uint8Array, i * first.length);
  return { data: still, count };
}

/** What something looks like that does not sound here: the first source of another clip, of a class not in this one. */
async function strangerOf(
  entries: readonly ManifestEntry[],
  corpus: string,
  index: number,
  truth: GroundTruth,
  model: SeparationModel,
): Promise<PixelBlock | null> {
  const present = new Set(truth.sources.map(({ soundClass }) => soundClass));
  for (let step = 1; step < entries.length; step++) {
    const entry = entries[(index + step) % entries.length] as ManifestEntry;
    const first = entry.sources[0];
    if (!first || present.has(first.soundClass)) continue;
    const other = await readMixture(corpus, entry);
    return framesOf(other, regionOf(other.truth, 0), model);
  }
  return null;
}

/** Estimates that know the stems, or know nothing at all. */
function oracles(
  stems: readonly Float32Array[],
  sum: Float32Array,
  index: number,
): Record<string, Float32Array[]> {
  const stft = new Stft();
  const whole = stft.forward(sum);
  const own = stems.map((stem) => magnitudes(stft.forward(stem)));
  const mixed = magnitudes(whole);
  const back = (mask: Float32Array) => stft.inverse(applyMask(whole, mask), sum.length);
  const { frames, bins } = whole;
  const components = NMF.componentsPerSource * stems.length;
  const factors = factorize(mixed, frames, bins, { components, iterations: NMF.iterations, seed: index });
  return {
    nmfOracle: oracleMasks(factors, own, frames, bins).map(back),
    idealBinaryMask: idealBinaryMasks(own).map(back),
    idealRatioMask: own.map((one) => back(atMostOne(idealRatioMask(one, mixed)))),
    randomMask: stems.map((_, source) => back(randomMask('ratio', mixed.length, `${index}:${source}`))),
  };
}

/** As the ceiling of what a share of the mixture can do. */
function atMostOne(mask: Float32Array): Float32Array {
  return mask.map((value) => Math.min(1, value));
}

function summarise(rows: readonly Ways[]): SeparationResults['results'] {
  const column = (of: (row: Ways) => number | undefined) => {
    const values = rows.map(of).filter((value) => value !== undefined);
    return bootstrap(values);
  };
  const gain = (way: string) => column((row) => (row[way] as number) - (row.mixture as number));
  const guessed = gain('randomMask').value;
  const gains = [
    'own',
    'own.alone',
    'appearance',
    'frozen',
    'nmfOracle',
    'idealBinaryMask',
    'idealRatioMask',
    'randomMask',
  ];
  return {
    sdrDb: { ...column((row) => row.own), chance: column((row) => row.mixture).value },
    ...Object.fromEntries(
      gains.map((way) => [
        way === 'own' ? 'gainDb' : `gainDb.${way.replace('own.', '')}`,
        { ...gain(way), chance: guessed },
      ]),
    ),
    motionGainDb: { ...column((row) => (row.own as number) - (row.appearance as number)), chance: 0 },
    'motionGainDb.frozen': {
      ...column((row) => (row.frozen as number) - (row.appearance as number)),
      chance: 0,
    },
    'wrongPicture.quieterDb': { ...column((row) => row.wrongPicture), chance: 0 },
  };
}

function energy(samples: Float32Array): number {
  return samples.reduce((sum, value) => sum + value * value, 0);
}

function decibels(value: number): number {
  return 10 * Math.log10(value + 1e-9);
}
