/** Opening a model folder: for its description alone, or with its weights on an engine. */
import { readManifest, readWeights } from './checkpoint/checkpoint.ts';
import type { AnyManifest, ConceptManifest } from './checkpoint/manifest.ts';
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
  /** Whether the model can be searched with words. */
  hasTextTower: boolean;
  parameterCount: number;
  training: Record<string, unknown>;
}

function isConcept(manifest: AnyManifest): manifest is ConceptManifest {
  return manifest.towers.kind === 'concept';
}

async function toInfo(manifest: AnyManifest): Promise<ModelInfo> {
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
    const { parameterCount } = manifest;
    return { ...common, identity: conceptIdentity(manifest), hasTextTower: true, parameterCount };
  }
  const { id, version, dimension, weights } = manifest;
  return {
    ...common,
    identity: { id, version, dimension },
    hasTextTower: false,
    parameterCount: weights.parameterCount,
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
  if (isConcept(manifest)) {
    const { ConceptModel } = await import('./concepts/concept-model.ts');
    return ConceptModel.load(folder, manifest);
  }
  const weights = await readWeights(folder, manifest);
  const network = new TwoTowerNetwork(await loadEngine(), manifest.towers, 0);
  network.store.restore(weights);
  return new TwoTowerEmbeddingModel(manifest, network);
}
