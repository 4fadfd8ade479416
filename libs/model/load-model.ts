/**
 * Opening a model folder: for its description alone, or with its weights on an engine. TensorFlow.js takes longer to
 * load than the towers themselves on ONNX Runtime, so it is imported only where it is what runs them.
 */
import { EarshotError } from '#core/errors';
import {
  readCheckedFile,
  readManifest,
  readServingGraphs,
  readTwoTowerManifest,
} from './checkpoint/checkpoint.ts';
import type { EmbeddingGemmaManifest } from './checkpoint/embedding-gemma-manifest.ts';
import {
  type AdaptedManifest,
  type AnyManifest,
  isConcept,
  type ModelCalibration,
  type ModelManifest,
  type OnnxManifest,
} from './checkpoint/manifest.ts';
import { readSynchronization } from './checkpoint/synchronization.ts';
import type { EmbeddingModel, ModelIdentity, SegmentPlan, VideoInputSpec } from './embedding-model.ts';
import type { Localizer } from './localization/localizer.ts';
import type { SourceLocalizer } from './localization/source-localizer.ts';
import { onnxIdentity } from './own-towers/identity.ts';
import type { TowerBackend } from './towers/tower-backend.ts';
import { TwoTowerEmbeddingModel } from './two-tower-model.ts';

export interface ModelInfo {
  identity: ModelIdentity;
  description: string;
  segments: SegmentPlan;
  audioInput: { sampleRateHz: number };
  videoInput: VideoInputSpec;
  /** Whether the model can be searched with words. */
  hasTextTower: boolean;
  /** Null where the manifest does not say: a user's own graphs. */
  parameterCount: number | null;
  /** What turns scores into probabilities, where it has been fitted. */
  calibration?: ModelCalibration;
  training: Record<string, unknown>;
}

function isOnnx(manifest: AnyManifest): manifest is OnnxManifest {
  return manifest.towers.kind === 'onnx';
}

function isEmbeddingGemma(manifest: AnyManifest): manifest is EmbeddingGemmaManifest {
  return manifest.towers.kind === 'embeddinggemma-2';
}

function isAdapted(manifest: AnyManifest): manifest is AdaptedManifest {
  return manifest.towers.kind === 'adapted';
}

async function toInfo(folder: string, manifest: AnyManifest): Promise<ModelInfo> {
  if (isAdapted(manifest)) {
    const { adaptedInfo, baseFolder } = await import('./adaptation/adapted-folder.ts');
    return adaptedInfo(manifest, await readModelInfo(baseFolder(folder)));
  }
  const { rateHz, width, height, fit } = manifest.frontEnds.video;
  const common = {
    description: manifest.description,
    segments: manifest.segments,
    audioInput: { sampleRateHz: manifest.frontEnds.audio.sampleRateHz },
    videoInput: { rateHz, width, height, fit },
    training: manifest.training,
  };
  if (isConcept(manifest)) {
    const { conceptIdentity } = await import('./concepts/concept-model.ts');
    const { conceptModelCalibration } = await import('./concepts/map-calibration.ts');
    const { parameterCount } = manifest;
    const identity = conceptIdentity(manifest);
    return {
      ...{ ...common, identity, hasTextTower: true, parameterCount },
      calibration: conceptModelCalibration(),
    };
  }
  if (isEmbeddingGemma(manifest)) {
    const { embeddingGemmaIdentity } = await import('./embedding-gemma/manifest.ts');
    const { parameterCount } = manifest;
    return { ...common, identity: embeddingGemmaIdentity(manifest), hasTextTower: true, parameterCount };
  }
  if (isOnnx(manifest)) {
    return { ...common, identity: onnxIdentity(manifest), hasTextTower: false, parameterCount: null };
  }
  const { id, version, dimension, weights, calibration } = manifest;
  return {
    ...common,
    identity: { id, version, dimension },
    hasTextTower: false,
    parameterCount: weights.parameterCount,
    calibration,
  };
}

/**
 * Reads `model.json` only: cheap enough for start-up.
 *
 * @throws EarshotError `model_not_found` or `model_invalid`
 */
export async function readModelInfo(folder: string): Promise<ModelInfo> {
  return toInfo(folder, await readManifest(folder));
}

/** `auto`: ONNX Runtime where the folder has graphs for it and the runtime loads, else TensorFlow.js. */
export type ServingEngine = 'auto' | 'onnx' | 'tensorflow';

/**
 * The model, ready to embed.
 *
 * @param options `engine`: what runs the towers, default `auto`
 * @throws EarshotError `model_not_found`, `model_invalid` or `checkpoint_invalid`; `configuration_invalid` where the
 *   optional package that runs the model is not installed
 */
export async function loadEmbeddingModel(
  folder: string,
  options: { engine?: ServingEngine } = {},
): Promise<EmbeddingModel> {
  const manifest = await readManifest(folder);
  if (isConcept(manifest)) {
    const { ConceptModel } = await import('./concepts/concept-model.ts');
    return ConceptModel.load(folder, manifest);
  }
  if (isOnnx(manifest)) {
    const { OwnTowersModel } = await import('./own-towers/own-towers-model.ts');
    return OwnTowersModel.load(folder, manifest);
  }
  if (isEmbeddingGemma(manifest)) {
    const { EmbeddingGemmaModel } = await import('./embedding-gemma/embedding-gemma-model.ts');
    return EmbeddingGemmaModel.load(folder, manifest);
  }
  if (isAdapted(manifest)) {
    const { AdaptedModel } = await import('./adaptation/adapted-model.ts');
    const { baseFolder, readHeads } = await import('./adaptation/adapted-folder.ts');
    const heads = await readHeads(folder, manifest);
    return AdaptedModel.on(await loadEmbeddingModel(baseFolder(folder), options), heads, manifest);
  }
  const engine = options.engine ?? 'auto';
  const towers = engine === 'tensorflow' ? null : await openOnnxTowers(folder, manifest, engine);
  const { localization, grouping } = manifest.heads ?? {};
  return new TwoTowerEmbeddingModel(manifest, towers ?? (await openTensorFlowTowers(folder, manifest)), {
    synchronization: await readSynchronization(folder, manifest),
    openLocalizer: localization ? () => loadLocalizer(folder, manifest, engine) : null,
    openSourceLocalizer: grouping ? () => loadSourceLocalizer(folder, manifest, engine) : null,
  });
}

/** As with the towers: ONNX Runtime where it loads, else TensorFlow.js. */
async function loadLocalizer(
  folder: string,
  manifest: ModelManifest,
  engine: ServingEngine,
): Promise<Localizer> {
  const { frontEnds, heads } = manifest;
  if (engine !== 'tensorflow' && heads?.localization) {
    const graph = await readCheckedFile(folder, heads.localization.serving);
    try {
      // Not imported up front, as the towers' module isn't.
      const { OnnxLocalizer } = await import('./onnx/onnx-localizer.ts');
      return await OnnxLocalizer.open(graph, frontEnds, folder);
    } catch (error) {
      if (engine === 'onnx' || error instanceof EarshotError) throw error;
    }
  }
  const { TensorFlowLocalizer } = await import('./localization/tensorflow-localizer.ts');
  return TensorFlowLocalizer.load(folder, manifest);
}

async function loadSourceLocalizer(
  folder: string,
  manifest: ModelManifest,
  engine: ServingEngine,
): Promise<SourceLocalizer> {
  const { frontEnds, heads, towers } = manifest;
  if (engine !== 'tensorflow' && heads?.grouping) {
    const graph = await readCheckedFile(folder, heads.grouping.serving);
    try {
      const { OnnxSourceLocalizer } = await import('./onnx/onnx-source-localizer.ts');
      return await OnnxSourceLocalizer.open(graph, frontEnds, towers.audio.tokenWidth, folder);
    } catch (error) {
      if (engine === 'onnx' || error instanceof EarshotError) throw error;
    }
  }
  const { TensorFlowSourceLocalizer } = await import('./localization/tensorflow-source-localizer.ts');
  return TensorFlowSourceLocalizer.load(folder, manifest);
}

/** Null where `auto` has to do without: a folder that has no graphs, or a platform that the runtime isn't built for. */
async function openOnnxTowers(
  folder: string,
  manifest: ModelManifest,
  engine: 'auto' | 'onnx',
): Promise<TowerBackend | null> {
  const graphs = await readServingGraphs(folder, manifest);
  if (!graphs) {
    if (engine === 'auto') return null;
    const message = `${folder} has no ONNX graphs: train it again, or choose the engine "tensorflow".`;
    throw new EarshotError('model_invalid', message, { subject: folder });
  }
  let module: typeof import('./onnx/onnx-towers.ts');
  try {
    // Not imported up front: its native library has no build for some platforms.
    module = await import('./onnx/onnx-towers.ts');
  } catch (cause) {
    if (engine === 'auto') return null;
    const message = 'ONNX Runtime does not load on this platform: choose the engine "tensorflow".';
    throw new EarshotError('internal', message, { cause });
  }
  return module.OnnxTowers.open(graphs, manifest.frontEnds, { subject: folder });
}

async function openTensorFlowTowers(folder: string, manifest: ModelManifest): Promise<TowerBackend> {
  const { loadNetwork } = await import('./load-network.ts');
  const { TensorFlowTowers } = await import('./towers/tensorflow-towers.ts');
  const network = await loadNetwork(folder, manifest);
  return new TensorFlowTowers(network, manifest.frontEnds);
}

/**
 * The towers of a model folder with the random weights that training begins from: the control that every trained
 * model must stand clear of.
 *
 * @throws EarshotError `model_not_found` or `model_invalid`
 */
export async function loadUntrainedModel(folder: string, seed: number): Promise<EmbeddingModel> {
  const manifest = await readTwoTowerManifest(folder);
  const { loadEngine } = await import('./engine/engine.ts');
  const { TensorFlowTowers } = await import('./towers/tensorflow-towers.ts');
  const { TwoTowerNetwork } = await import('./towers/two-tower.ts');
  const network = new TwoTowerNetwork(await loadEngine(), manifest.towers, seed);
  const towers = new TensorFlowTowers(network, manifest.frontEnds);
  return new TwoTowerEmbeddingModel({ ...manifest, id: `untrained (${manifest.id})` }, towers);
}
