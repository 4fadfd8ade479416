/**
 * A grouping network for a model folder: trained on mixtures put together of the corpus' training clips with the towers
 * frozen, calibrated on mixtures of its validation clips, and put beside the towers. Beside the weak objective it is
 * told where the objects are, which is known of every generated clip.
 */

import { EarshotError } from '#core/errors';
import { readCheckedFile, readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import type { GroupingCalibration, ModelManifest } from '#model/checkpoint/manifest';
import { type GroupingShape, writeGrouping } from '#model/checkpoint/tower-heads';
import type { Engine } from '#model/engine/engine';
import { type NamedArray, ParameterStore } from '#model/layers/parameters';
import { loadNetwork } from '#model/load-network';
import { GroupingNetwork, type GroupingOutput } from '#model/localization/grouping-network';
import { mapSide } from '#model/localization/localization-input';
import { segmentLocalization } from '#model/localization/localizer';
import type { GroupingLogits } from '#model/localization/source-localizer';
import {
  GROUPING_ARRAYS,
  groupingOptions,
  TensorFlowSourceLocalizer,
} from '#model/localization/tensorflow-source-localizer';
import { groupingLoss } from '#model/objectives/grouping';
import { groupingGraph } from '#model/onnx/grouping-graph';
import { OnnxLocalizer } from '#model/onnx/onnx-localizer';
import type { TwoTowerNetwork } from '#model/towers/two-tower';
import { manifestHash, readManifest } from '../corpus/manifest.ts';
import { shapeOfModel } from '../training/model-shape.ts';
import { fitGroupingCalibration, HEARD, lookAtScene } from './calibrate-grouping.ts';
import { type GroupingBatch, GroupingScenes, type WhereHeard } from './grouping-scenes.ts';
import { learnFromScenes, type SceneSchedule } from './learn-from-scenes.ts';
import { openSceneClips } from './train-head.ts';

const WIDTH = 64;
const DEFAULT_STEPS = 1500;
const SCHEDULE = {
  /** Each of another scene. */
  batchSize: 24,
  firstScenes: 160,
  freshScenes: 2,
  framesPerScene: 3,
  peakLearningRate: 0.004,
  warmUpSteps: 50,
  averageDecay: 0.995,
} satisfies Omit<SceneSchedule, 'steps'>;
const CALIBRATION_SCENES = 240;

export interface GroupingTraining {
  /** The model's folder; the network is written into it. */
  folder: string;
  corpus: string;
  cacheFolder: string;
  /** Log and checkpoints. */
  runFolder: string;
  /** Goes on from the last checkpoint of the run. */
  resume: boolean;
  /** False for the ablation. */
  grouping: boolean;
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
export async function trainGrouping(options: GroupingTraining): Promise<ModelManifest> {
  const { folder, corpus, seed, grouping } = options;
  const manifest = await readTwoTowerManifest(folder);
  const network = await loadNetwork(folder, manifest);
  try {
    const train = await readManifest(corpus, 'train');
    const labels = [...new Set(train.slice(0, options.maxClips).map(({ label }) => label))].sort();
    const shape = { width: WIDTH, labels, grouping };
    const training = {
      corpus: {
        train: manifestHash(train),
        validation: manifestHash(await readManifest(corpus, 'validation')),
      },
      ...(options.maxClips && { clips: options.maxClips }),
      supervision: 'classes heard and seen, and masks and boxes, of mixtures of the generated training clips',
      ...{ steps: options.steps ?? DEFAULT_STEPS, seed },
    };
    const settings = { base: manifest.version, ...training };
    const arrays = await withScenes(network, manifest, labels, 'train', options, (scenes) =>
      learn(network, shape, scenes, settings, options),
    );
    const calibration = await withLocalizer(folder, manifest, (whereHeard) =>
      withScenes(
        ...([network, manifest, labels, 'validation', options] as const),
        (scenes) => calibrate(network, manifest, { ...shape, arrays }, scenes, options),
        whereHeard,
      ),
    );
    const reference = new TensorFlowSourceLocalizer(network, manifest.frontEnds, shape, arrays);
    const { parameterCount } = reference;
    const graph = groupingGraph(network.video, reference.grouping);
    reference.dispose();
    return await writeGrouping(folder, manifest, {
      ...shape,
      ...{ arrays, parameterCount, graph, calibration, training },
    });
  } finally {
    network.dispose();
  }
}

async function withScenes<T>(
  network: TwoTowerNetwork,
  { frontEnds }: ModelManifest,
  labels: readonly string[],
  split: 'train' | 'validation',
  options: GroupingTraining,
  use: (scenes: GroupingScenes) => Promise<T>,
  whereHeard: WhereHeard | null = null,
): Promise<T> {
  const { cacheFolder, signal, onStage: onProgress, corpus, folder } = options;
  const maxClips = split === 'train' ? options.maxClips : undefined;
  const settings = { ...{ cacheFolder, split, signal, onProgress }, ...(maxClips && { maxClips }) };
  const clips = await openSceneClips(corpus, await shapeOfModel(folder), settings);
  const scenes = await GroupingScenes.open(network, frontEnds, clips, labels, whereHeard);
  try {
    return await use(scenes);
  } finally {
    scenes.dispose();
  }
}

/** @param use with what the folder's localization head answers; with null where it has none */
async function withLocalizer<T>(
  folder: string,
  { frontEnds, heads, calibration }: ModelManifest,
  use: (whereHeard: WhereHeard | null) => Promise<T>,
): Promise<T> {
  const fitted = calibration?.localization;
  if (!heads?.localization || !fitted) return use(null);
  const graph = await readCheckedFile(folder, heads.localization.serving);
  const localizer = await OnnxLocalizer.open(graph, frontEnds, folder);
  try {
    return await use(async (input, audio) => {
      const logits = await localizer.logits(input, audio);
      return segmentLocalization(logits, mapSide(frontEnds.video), HEARD, fitted).maps;
    });
  } finally {
    localizer.dispose();
  }
}

/** @returns the averaged weights */
async function learn(
  network: TwoTowerNetwork,
  shape: GroupingShape,
  scenes: GroupingScenes,
  settings: Readonly<Record<string, unknown>>,
  options: GroupingTraining,
): Promise<NamedArray[]> {
  const { engine } = network;
  const { seed, steps = DEFAULT_STEPS, runFolder: folder, resume, signal, onStage } = options;
  const store = new ParameterStore(engine, seed);
  const grouping = new GroupingNetwork(store, GROUPING_ARRAYS, groupingOptions(network.options, shape));
  const loss = ({ features, truth }: GroupingBatch) =>
    groupingLoss(engine.tf, grouping, applyGrouping(engine, grouping, features, true), truth);
  try {
    return await learnFromScenes(
      { engine, store, units: grouping.units, scenes, loss },
      { ...SCHEDULE, steps },
      { ...{ folder, resume, signal, onStage }, seed: `grouping/${seed}`, settings: { ...settings, shape } },
    );
  } finally {
    store.dispose();
  }
}

async function calibrate(
  network: TwoTowerNetwork,
  { frontEnds }: ModelManifest,
  { arrays, ...shape }: GroupingShape & { arrays: readonly NamedArray[] },
  scenes: GroupingScenes,
  { seed, signal, onStage }: GroupingTraining,
): Promise<GroupingCalibration> {
  const localizer = new TensorFlowSourceLocalizer(network, frontEnds, shape, arrays);
  try {
    const looked = [];
    for (let scene = 0; scene < CALIBRATION_SCENES; scene++) {
      if (signal?.aborted) throw new EarshotError('cancelled', 'The calibration was stopped.');
      await scenes.add(1, SCHEDULE.framesPerScene, `grouping/${seed}/calibration/${scene}`);
      const { features, truth } = scenes.whole(scene);
      const { tf } = network.engine;
      const answers = tf.tidy(() => {
        const { audio, visual, logits } = applyGrouping(network.engine, localizer.grouping, features, false);
        return [tf.transpose(logits, [0, 2, 1]), audio.presence, visual.presence];
      });
      const [places, heard, seen] = answers.map((answer) => answer.dataSync() as Float32Array);
      for (const answer of answers) answer.dispose();
      const logits = { places, heard: heard?.slice(0, shape.labels.length), seen };
      looked.push(lookAtScene(logits as GroupingLogits, truth, scenes.located(scene)));
      onStage?.('calibrate', scene + 1, CALIBRATION_SCENES);
    }
    return fitGroupingCalibration(looked, shape.labels);
  } finally {
    localizer.dispose();
  }
}

function applyGrouping(
  { tf }: Engine,
  grouping: GroupingNetwork,
  features: GroupingBatch['features'],
  training: boolean,
): GroupingOutput {
  const tensor = ({ data, shape }: { data: Float32Array; shape: number[] }) => tf.tensor(data, shape);
  const { quarter, eighth, map, evidence, steps } = features;
  const stages = { quarter: tensor(quarter), eighth: tensor(eighth), map: tensor(map) };
  return grouping.apply({ stages, evidence: tensor(evidence), steps: tensor(steps) }, training);
}
