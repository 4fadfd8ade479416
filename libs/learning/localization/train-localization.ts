/** A localization head for a model folder: trained on the corpus, calibrated, and put beside the towers. */
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import type { ModelManifest } from '#model/checkpoint/manifest';
import { writeLocalizationHead } from '#model/checkpoint/tower-heads';
import type { NamedArray } from '#model/layers/parameters';
import { loadNetwork } from '#model/load-network';
import { localizationHeadOptions, TensorFlowLocalizer } from '#model/localization/tensorflow-localizer';
import { localizationGraph } from '#model/onnx/localization-graphs';
import { OnnxLocalizer } from '#model/onnx/onnx-localizer';
import { audioTowerGraph } from '#model/onnx/tower-graphs';
import type { TwoTowerNetwork } from '#model/towers/two-tower';
import { manifestHash, readManifest } from '../corpus/manifest.ts';
import { shapeOfModel } from '../training/model-shape.ts';
import { calibrateLocalization } from './calibrate.ts';
import { HeadBatches } from './head-batches.ts';
import { HeadProbe } from './head-probe.ts';
import { DEFAULT_HEAD_TRAINING, openSceneClips, trainHead } from './train-head.ts';

/** Channels in which sound and picture are multiplied. */
const WIDTH = 48;

export interface LocalizationTraining {
  /** The model's folder; the head is written into it. */
  folder: string;
  corpus: string;
  cacheFolder: string;
  steps?: number;
  maxClips?: number;
  seed: number;
  signal?: AbortSignal;
  onStage?(stage: string, done: number, total: number, detail?: string): void;
}

/**
 * @returns the manifest as written
 * @throws EarshotError `model_not_found`, `model_invalid`, `checkpoint_invalid`, `file_not_found` without a corpus,
 *   `not_enough_data`, `training_diverged`, `cancelled`
 */
export async function trainLocalization(options: LocalizationTraining): Promise<ModelManifest> {
  const { folder, corpus, seed, signal } = options;
  const manifest = await readTwoTowerManifest(folder);
  const network = await loadNetwork(folder, manifest);
  const steps = options.steps ?? DEFAULT_HEAD_TRAINING.steps;
  const clips = await openSceneClips(corpus, await shapeOfModel(folder), {
    ...options,
    onProgress: options.onStage,
  });
  const batches = await HeadBatches.open(network, manifest.frontEnds, clips);
  let arrays: NamedArray[];
  try {
    const headOptions = localizationHeadOptions(network.options, WIDTH);
    arrays = await trainHead(network.engine, headOptions, batches, {
      ...DEFAULT_HEAD_TRAINING,
      ...{ steps, seed, signal },
      onStep: (step, loss) => options.onStage?.('train', step, steps, `loss ${loss.toFixed(4)}`),
    });
  } finally {
    batches.dispose();
  }
  return finishHead(network, manifest, arrays, options, {
    corpus: { train: manifestHash(await readManifest(corpus, 'train')) },
    clips: clips.cache.clips.length,
    supervision: 'masks and boxes of the generated training clips',
    ...{ steps, seed },
  });
}

async function finishHead(
  network: TwoTowerNetwork,
  manifest: ModelManifest,
  arrays: readonly NamedArray[],
  options: LocalizationTraining,
  training: Record<string, unknown>,
): Promise<ModelManifest> {
  const { folder, corpus, signal } = options;
  const { frontEnds, segments } = manifest;
  const audioGraph = audioTowerGraph(network.audio);
  const reference = new TensorFlowLocalizer(network, frontEnds, WIDTH, arrays);
  const graph = localizationGraph(network.video, reference.head);
  const localizer = await OnnxLocalizer.open(graph, frontEnds, folder);
  const probe = await HeadProbe.open({ frontEnds, segmentSec: segments.lengthSec, audioGraph, localizer });
  try {
    const calibration = await calibrateLocalization(probe, {
      ...{ corpus, frontEnds, signal },
      onProgress: (done, total) => options.onStage?.('calibrate', done, total),
    });
    const { parameterCount } = reference;
    const head = { width: WIDTH, arrays, parameterCount, graph, calibration, training };
    return await writeLocalizationHead(folder, manifest, head);
  } finally {
    probe.dispose();
    localizer.dispose();
    reference.dispose();
    network.dispose();
  }
}
