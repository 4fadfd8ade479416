/** A model folder's network with its weights, on TensorFlow.js. */
import { readWeights } from './checkpoint/checkpoint.ts';
import type { ModelManifest } from './checkpoint/manifest.ts';
import { loadEngine } from './engine/engine.ts';
import { TwoTowerNetwork } from './towers/two-tower.ts';

/** @throws EarshotError `checkpoint_invalid` */
export async function loadNetwork(folder: string, manifest: ModelManifest): Promise<TwoTowerNetwork> {
  const weights = await readWeights(folder, manifest);
  const network = new TwoTowerNetwork(await loadEngine(), manifest.towers, 0);
  network.store.restore(weights);
  return network;
}
