/**
 * Separation measured: mixtures of the generated corpus whose stems are known, each source asked for by its region of the
 * picture, BSS-eval beside the mixture's own score and beside what oracles reach.
 *
 * @see Vincent, Gribonval & Fevotte 2006; Zhao et al. 2018, "The Sound of Pixels", section 4
 */
import path from 'node:path';
import type { PictureRegion } from '#media/filters';
import { readWav } from '#media/wav';
import type { PixelBlock } from '#model/front-ends/video-batch';
import { withoutPart } from '#model/separation/rest-of-picture';
import { SeparationModel } from '#model/separation/separation-model';
import { type GroundTruth, type ManifestEntry, readGroundTruth, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { emptyRegionOf, regionOf } from '../separation/object-region.ts';
import { decibels, type SdrRow, type SeparationResults, sdrRows, summarise } from './score-separation.ts';
import { frozen, guideFrames, heardOf, type KnownMixture, mixtureOf } from './separation-questions.ts';

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

interface Mixture extends KnownMixture {
  file: string;
  truth: GroundTruth;
}

async function readMixture(corpus: string, entry: ManifestEntry): Promise<Mixture> {
  const truth = await readGroundTruth(corpus, entry);
  const folder = path.dirname(path.join(corpus, entry.groundTruth));
  const stems: Float32Array[] = [];
  for (const { stem } of truth.sources) stems.push((await readWav(path.join(folder, stem))).samples);
  return { file: path.join(corpus, entry.file), truth, ...mixtureOf(stems) };
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
  const heard = (frames: PixelBlock, isInStep: boolean, rest: PixelBlock | null = null) =>
    heardOf(model, sum, { frames, isInStep, rest });
  const whole = await framesOf(mixture, null, model);
  const seenAt = async (place: PictureRegion) => ({
    frames: await framesOf(mixture, place, model),
    rest: withoutPart(whole, model.manifest.guide.video, place),
  });
  const ways: Record<string, Float32Array[]> = { own: [], frozen: [], appearance: [], 'own.alone': [] };
  for (const source of stems.keys()) {
    const region = regionOf(truth, source);
    const { frames, rest } = region ? await seenAt(region) : { frames: whole, rest: null };
    ways.own?.push(await heard(frames, true, rest));
    ways.frozen?.push(await heard(frozen(frames), true, rest && frozen(rest)));
    ways.appearance?.push(await heard(frames, false, rest));
    ways['own.alone']?.push(await heard(frames, true));
  }
  const stranger = await strangerOf(entries, corpus, index, truth, model);
  const place = emptyRegionOf(truth, truth.id);
  const empty = place && (await seenAt(place));
  const nothing = {
    wrongPicture: stranger && (await heard(stranger, false)),
    emptyPlace: empty && (await heard(empty.frames, true, empty.rest)),
  };
  return sdrRows(stems, sum, ways, index, (source): SdrRow => {
    const loudness = decibels(ways.own?.[source] as Float32Array);
    const answered = Object.entries(nothing).filter((one): one is [string, Float32Array] => one[1] !== null);
    return Object.fromEntries(answered.map(([name, answer]) => [name, loudness - decibels(answer)]));
  });
}

function framesOf(
  { file, truth }: Mixture,
  region: PictureRegion | null,
  model: SeparationModel,
): Promise<PixelBlock> {
  return guideFrames(file, region, model, { atLeastSec: truth.durationSec });
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
