/**
 * A pretrained model fitted to a user's own clips: its towers stay as they are, and small projection heads on them are
 * learned from which sounds and pictures the clips hold together.
 */
import { EarshotError } from '#core/errors';
import { requireReplaceable, writeAdaptedModel } from '#model/adaptation/adapted-folder';
import { adaptedDirection, type FrozenClip, learnHeads } from '#model/adaptation/learn-heads';
import type { HeadKernels } from '#model/adaptation/residual-head';
import { readManifest } from '#model/checkpoint/checkpoint';
import { MODEL_NAME } from '#model/checkpoint/manifest';
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
  const info = await readModelInfo(base);
  const looked = await usableClips(candidates, {
    signal,
    onProgress: (done, total) => options.onProgress?.('look', done, total),
  });
  const skipped = { ...options.skipped, ...looked.skipped };
  requireEnough(looked.clips, skipped, where);
  const split = holdOut(looked.clips, seed);
  const learned = split.learned.slice(0, options.maxClips);
  const frozen = await embedAll([...learned, ...split.heldOut], options);
  const heads = learnHeads(await loadEngine(), frozen.slice(0, learned.length), {
    ...{ seed, signal, pairing: options.pairing },
    onStep: (done, total) => options.onProgress?.('train', done, total),
  });
  const manifest = await writeAdaptedModel(options.output, {
    id: name,
    description: `${info.identity.id} with projection heads learned on the clips of ${where}.`,
    base: { folder: base, info },
    kernels: heads.kernels,
    training: {
      own: { from: where, clips: looked.clips.length, leftOut: describeSkipped(skipped) },
      base: { id: info.identity.id, version: info.identity.version },
      clips: { train: learned.length, heldOut: split.heldOut.length },
      ...{ seed, pairing: options.pairing, steps: heads.steps, validation: heads.validation },
    },
  });
  const ofHeldOut = frozen.slice(learned.length);
  const score = (kernels: HeadKernels) => scoreHeldOut(split.heldOut, ofHeldOut, kernels);
  const none = new Float32Array(info.identity.dimension ** 2);
  const { id, version } = manifest;
  return {
    model: { id, version },
    clips: learned.length,
    skipped,
    steps: heads.steps,
    comparison: {
      n: split.heldOut.length,
      before: { id: info.identity.id, version: info.identity.version },
      after: { id, version },
      results: compareRecall(score({ audio: none, video: none }), score(heads.kernels)),
    },
    durationSec: (Date.now() - started) / 1000,
  };
}

/** Whether a model's towers are not ours to train: then heads on them can be learned. @throws EarshotError `model_not_found`, `model_invalid` */
export async function hasFrozenTowers(folder: string): Promise<boolean> {
  return (await readManifest(folder)).towers.kind !== 'two-tower';
}

/** Every clip once through the frozen towers. */
async function embedAll(clips: readonly UsableClip[], options: AdaptOptions): Promise<FrozenClip[]> {
  const model = await loadEmbeddingModel(options.base);
  try {
    const frozen: FrozenClip[] = [];
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
  { file, source, durationSec }: UsableClip,
  signal?: AbortSignal,
): Promise<FrozenClip> {
  const { lengthSec } = model.segments;
  const count = Math.min(MAX_SEGMENTS, Math.max(1, Math.floor(durationSec / lengthSec + 1e-3)));
  const windows = Array.from({ length: count }, (_, i) => ({
    startSec: i * lengthSec,
    endSec: Math.min((i + 1) * lengthSec, durationSec),
  }));
  const audio = await embedSounds(model, file, windows, signal);
  return { source, audio, video: await embedPictures(model, file, windows, signal) };
}

function scoreHeldOut(
  clips: readonly UsableClip[],
  frozen: readonly FrozenClip[],
  kernels: HeadKernels,
): RetrievalResults {
  return scoreRetrieval(
    clips.map(({ id, labels }, i) => ({
      id,
      labels,
      audio: adaptedDirection(kernels.audio, frozen[i]?.audio ?? []),
      video: adaptedDirection(kernels.video, frozen[i]?.video ?? []),
    })),
  );
}
