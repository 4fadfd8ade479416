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
import type { PixelBlock } from '#model/front-ends/video-batch';
import { withoutPart } from '#model/separation/rest-of-picture';
import { separateAudioByVisual } from '#model/separation/separate-audio-by-visual';
import { SeparationModel } from '#model/separation/separation-model';
import { type GroundTruth, type ManifestEntry, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { regionOf } from '../separation/object-region.ts';
import {
  decibels,
  frozen,
  type SdrRow,
  type SeparationResults,
  STEM_RATE_HZ,
  sdrRows,
  summarise,
} from './score-separation.ts';

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

/** @throws EarshotError `file_not_found` without the split */
export async function evaluateSeparation(options: SeparationSuiteOptions): Promise<SeparationResults> {
  const { suite, corpus, clips, signal, onProgress } = options;
  const entries = (await readManifest(corpus, SEPARATION_SUITES[suite])).slice(0, clips);
  const model = await SeparationModel.load(options.modelFolder);
  try {
    const scores: SdrRow[] = [];
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
): Promise<SdrRow[]> {
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
  const stranger = await strangerOf(entries, corpus, index, truth, model);
  const silent = stranger && (await heard(stranger, false));
  return sdrRows(stems, sum, ways, index, (source): SdrRow => {
    if (!silent) return {};
    return { wrongPicture: decibels(ways.own?.[source] as Float32Array) - decibels(silent) };
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
