/** Opening a model folder: for its description alone, or with its weights on an engine. */
import { readManifest, readWeights } from './checkpoint/checkpoint.ts';
import type { ModelManifest } from './checkpoint/manifest.ts';
import type { EmbeddingModel, ModelIdentity, SegmentPlan, VideoInputSpec } from './embedding-model.ts';
import { loadEngine } from './engine/engine.ts';
import { TwoTowerNetwork } from './towers/two-tower.ts';
import { TwoTowerEmbeddingModel } from './two-tower-model.ts';

export interface ModelInfo {
  identity: ModelIdentity;
  description: string;
  segments: SegmentPlan;
  audioInput: { sampleRateHz: number };
  videoInput: VideoInputSpec;
  parameterCount: number;
  training: Record<string, unknown>;
}

function toInfo(manifest: ModelManifest): ModelInfo {
  const { rateHz, width, height, fit } = manifest.frontEnds.video;
  return {
    identity: { id: manifest.id, version: manifest.version, dimension: manifest.dimension },
    description: manifest.description,
    segments: manifest.segments,
    audioInput: { sampleRateHz: manifest.frontEnds.audio.sampleRateHz },
    videoInput: { rateHz, width, height, fit },
    parameterCount: manifest.weights.parameterCount,
    training: manifest.training,
  };
}

/**
 * Reads `model.json` only: cheap enough for start-up.
 *
 * @throws EarshotError `model_not_found` or `model_invalid`
 */
export async function readModelInfo(folder: string): Promise<ModelInfo> {
  return toInfo(await readManifest(folder));
}

/**
 * The model, ready to embed.
 *
 * @throws EarshotError `model_not_found`, `model_invalid` or `checkpoint_invalid`
 */
export async function loadEmbeddingModel(folder: string): Promise<EmbeddingModel> {
  const manifest = await readManifest(folder);
  const weights = await readWeights(folder, manifest);
  const network = new TwoTowerNetwork(await loadEngine(), manifest.towers, 0);
  network.store.restore(weights);
  return new TwoTowerEmbeddingModel(manifest, network);
}

/**
 * The towers of a model folder with the random weights that training begins from: the control that every trained
 * model must stand clear of.
 *
 * @throws EarshotError `model_not_found` or `model_invalid`
 */
export async function loadUntrainedModel(folder: string, seed: number): Promise<EmbeddingModel> {
  const manifest = await readManifest(folder);
  const network = new TwoTowerNetwork(await loadEngine(), manifest.towers, seed);
  return new TwoTowerEmbeddingModel({ ...manifest, id: `untrained (${manifest.id})` }, network);
}
