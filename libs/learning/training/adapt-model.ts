/**
 * A pretrained model fitted to a user's own clips: its towers stay as they are, and small projection heads on them are
 * learned from which sounds and pictures the clips hold together.
 */
import { EarshotError } from '#core/errors';
import { requireReplaceable, writeAdaptedModel } from '#model/adaptation/adapted-folder';
import { adaptedDirection, type FrozenClip, learnHeads } from '#model/adaptation/learn-heads';
import type { HeadKernels } from '#model/adaptation/residual-head';
import { readManifest } from '#model/checkpoint/checkpoint';
import { MODEL_NAME } from '#model/checkpoint/manifest-parts';
import type { EmbeddingModel } from '#model/embedding-model';
import { loadEngine } from '#model/engine/engine';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { embedPictures, embedSounds } from '../evaluation/embed-clip.ts';
import { type RetrievalResults, scoreRetrieval } from '../evaluation/retrieval-suite.ts';
import { compareRecall, type ModelComparison } from './compare-models.ts';
import { holdOut } from './training-clips.ts';
import {
  type CandidateClip,
  describeSkipped,
  requireEnough,
  type SkipCounts,
  type UsableClip,
  usableClips,
} from './usable-clips.ts';

export interface AdaptOptions {
  name: string;
  /** Folder of the pretrained model. */
  base: string;
  /** The model folder to write; replaced whole, and only when all is learned. */
  output: string;
  /** What the clips are called in messages and in the model's description. */
  where: string;
  /** Left out already, before any file was looked at. */
  skipped?: SkipCounts;
  seed: number;
  /** Only the first so many of the clips that are learned from. */
  maxClips?: number;
  /** `shuffled`: the control, which must gain nothing. */
  pairing: 'true' | 'shuffled';
  signal?: AbortSignal;
  onProgress?(stage: 'look' | 'embed' | 'train', done: number, total: number): void;
}

export interface AdaptResult {
  model: { id: string; version: string };
  /** Clips that were learned from. */
  clips: number;
  skipped: SkipCounts;
  /** Steps of the fit, found by cross-validation; 0: the clips taught nothing, and the model is its base. */
  steps: number;
  /** On the held-out clips, which took no part in the learning: the base and what was learned on it. */
  comparison: ModelComparison;
  durationSec: number;
}

/** Of a long clip, no more segments than this are learned from. */
const MAX_SEGMENTS = 6;

/**
 * @throws EarshotError `not_enough_data` with fewer than 50 usable clips; `invalid_argument` for a name that can't be
 *   one, or a base that is adapted already; `conflict` for an output that holds other files; `model_not_found`, `model_invalid`, `checkpoint_invalid`, `cancelled`
 */
export async function adaptModel(
  candidates: readonly CandidateClip[],
  options: AdaptOptions,
): Promise<AdaptResult> {
  const started = Date.now();
  const { name, base, where, seed, signal } = options;
  if (!MODEL_NAME.test(name)) {
    const message = `"${name}" can't name a model: use lower-case letters, digits, dots, dashes and underscores.`;
    throw new EarshotError('invalid_argument', message, { subject: 'name' });
  }
  if ((await readManifest(base)).towers.kind === 'adapted') {
    const message = `${base} is adapted already: give the model that it was made from as the base.`;
    throw new EarshotError('invalid_argument', message, { subject: 'base' });
  }
  await requireReplaceable(options.output);
  const looked = await usableClips(candidates, {
    signal,
    onProgress: (done, total) => options.onProgress?.('look', done, total),
  });
  const skipped = { ...options.skipped, ...looked.skipped };
  requireEnough(looked.clips, skipped, where);
  const { heldOut, learned } = holdOut(looked.clips, seed);
  const taken = learned.slice(0, options.maxClips);
  const embedded = await embedFrozen([...taken, ...heldOut], options);
  const split = { learned: embedded.slice(0, taken.length), heldOut: embedded.slice(taken.length) };
  const adapted = await adaptToEmbedded(split, { ...options, skipped });
  return { ...adapted, durationSec: (Date.now() - started) / 1000 };
}

/** A clip with what the frozen towers make of it. */
export interface EmbeddedClip extends UsableClip, FrozenClip {}

/**
 * Learns the heads, writes the model, and measures it beside its base on the clips held out.
 *
 * @param split clips of one source are all on one side
 * @throws EarshotError as `adaptModel`
 */
export async function adaptToEmbedded(
  { learned, heldOut }: { learned: readonly EmbeddedClip[]; heldOut: readonly EmbeddedClip[] },
  options: AdaptOptions,
): Promise<Omit<AdaptResult, 'durationSec'>> {
  const { name, base, where, seed, signal, pairing, skipped = {} } = options;
  const info = await readModelInfo(base);
  const { id: baseId, version: baseVersion, dimension } = info.identity;
  const heads = learnHeads(await loadEngine(), learned, {
    ...{ seed, signal, pairing },
    onStep: (done, total) => options.onProgress?.('train', done, total),
  });
  const { id, version } = await writeAdaptedModel(options.output, {
    id: name,
    description: `${baseId} with projection heads learned on the clips of ${where}.`,
    base: { folder: base, info },
    kernels: heads.kernels,
    training: {
      own: { from: where, clips: learned.length + heldOut.length, leftOut: describeSkipped(skipped) },
      base: { id: baseId, version: baseVersion },
      clips: { train: learned.length, heldOut: heldOut.length },
      ...{ seed, pairing, steps: heads.steps, validation: heads.validation },
    },
  });
  const none = new Float32Array(dimension ** 2);
  const before = scoreHeldOut(heldOut, { audio: none, video: none });
  return {
    model: { id, version },
    clips: learned.length,
    skipped,
    steps: heads.steps,
    comparison: {
      n: heldOut.length,
      before: { id: baseId, version: baseVersion },
      after: { id, version },
      results: compareRecall(before, scoreHeldOut(heldOut, heads.kernels)),
    },
  };
}

/** Whether a model's towers are not ours to train: then heads on them can be learned. @throws EarshotError `model_not_found`, `model_invalid` */
export async function hasFrozenTowers(folder: string): Promise<boolean> {
  return (await readManifest(folder)).towers.kind !== 'two-tower';
}

/**
 * Every clip once through the frozen towers.
 *
 * @throws EarshotError `cancelled`; what loading the model and decoding the clips throw
 */
export async function embedFrozen(
  clips: readonly UsableClip[],
  options: Pick<AdaptOptions, 'base' | 'signal' | 'onProgress'>,
): Promise<EmbeddedClip[]> {
  const model = await loadEmbeddingModel(options.base);
  try {
    const frozen: EmbeddedClip[] = [];
    for (const [index, clip] of clips.entries()) {
      if (options.signal?.aborted) throw new EarshotError('cancelled', 'The training was stopped.');
      frozen.push(await embedOne(model, clip, options.signal));
      options.onProgress?.('embed', index + 1, clips.length);
    }
    return frozen;
  } finally {
    model.dispose();
  }
}

/** Whole segments one after another; a clip that is shorter is one segment. */
async function embedOne(
  model: EmbeddingModel,
  clip: UsableClip,
  signal?: AbortSignal,
): Promise<EmbeddedClip> {
  const { file, durationSec } = clip;
  const { lengthSec } = model.segments;
  const count = Math.min(MAX_SEGMENTS, Math.max(1, Math.floor(durationSec / lengthSec + 1e-3)));
  const windows = Array.from({ length: count }, (_, i) => ({
    startSec: i * lengthSec,
    endSec: Math.min((i + 1) * lengthSec, durationSec),
  }));
  const audio = await embedSounds(model, file, windows, { signal });
  return { ...clip, audio, video: await embedPictures(model, file, windows, { signal }) };
}

function scoreHeldOut(clips: readonly EmbeddedClip[], kernels: HeadKernels): RetrievalResults {
  return scoreRetrieval(
    clips.map(({ id, labels, audio, video }) => ({
      id,
      labels,
      audio: adaptedDirection(kernels.audio, audio),
      video: adaptedDirection(kernels.video, video),
    })),
  );
}
