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
import { DEFAULT_HEAD_STEPS, openSceneClips, trainHead } from './train-head.ts';

/** Channels in which sound and picture are multiplied. */
const WIDTH = 48;

export interface LocalizationTraining {
  /** The model's folder; the head is written into it. */
  folder: string;
  corpus: string;
  cacheFolder: string;
  /** Log and checkpoints. */
  runFolder: string;
  /** Goes on from the last checkpoint of the run. */
  resume: boolean;
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
  const { folder, corpus, seed, steps = DEFAULT_HEAD_STEPS } = options;
  const manifest = await readTwoTowerManifest(folder);
  const network = await loadNetwork(folder, manifest);
  try {
    const { cacheFolder, maxClips, signal, onStage } = options;
    const clips = await openSceneClips(corpus, await shapeOfModel(folder), {
      ...{ cacheFolder, signal, onProgress: onStage },
      ...(maxClips && { maxClips }),
    });
    const training = {
      corpus: { train: manifestHash(await readManifest(corpus, 'train')) },
      clips: clips.cache.clips.length,
      supervision: 'masks and boxes of the generated training clips',
      ...{ steps, seed },
    };
    const batches = await HeadBatches.open(network, manifest.frontEnds, clips);
    let arrays: NamedArray[];
    try {
      const headOptions = localizationHeadOptions(network.options, WIDTH);
      arrays = await trainHead(network.engine, headOptions, batches, {
        ...{ folder: options.runFolder, resume: options.resume, steps, seed, signal, onStage },
        settings: { base: manifest.version, ...training },
      });
    } finally {
      batches.dispose();
    }
    return await finishHead(network, manifest, arrays, options, training);
  } finally {
    network.dispose();
  }
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
  }
}
