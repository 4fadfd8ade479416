/** From a model folder's weights to the graphs that it is served from. */
import { readTwoTowerManifest, writeServingGraphs } from '../checkpoint/checkpoint.ts';
import type { ModelManifest } from '../checkpoint/manifest.ts';
import { loadNetwork } from '../load-network.ts';
import { audioTowerGraph, videoTowerGraph } from './tower-graphs.ts';

/**
 * Writes `audio.onnx` and `video.onnx` beside a folder's weights and names them in its `model.json`. The model keeps
 * its identity: the numbers are the same.
 *
 * @returns the manifest as written
 * @throws EarshotError `model_not_found`, `model_invalid` or `checkpoint_invalid`
 */
export async function exportServingGraphs(folder: string): Promise<ModelManifest> {
  const manifest = await readTwoTowerManifest(folder);
  const network = await loadNetwork(folder, manifest);
  try {
    const graphs = {
      audio: audioTowerGraph(network.audio),
      video: videoTowerGraph(network.video, manifest.frontEnds.video),
    };
    return await writeServingGraphs(folder, manifest, graphs);
  } finally {
    network.dispose();
  }
}
