/** Models that know nothing: what they score, every claim must stand clear of. */
import type { EmbeddingModel } from '#model/embedding-model';
import { loadEmbeddingModel, loadUntrainedModel } from '#model/load-model';

/** What takes the model's place in an evaluation. */
export type Control = 'none' | 'untrained' | 'constant';

/**
 * The model of a folder, or a control in its shape: `untrained` has its towers with their first random weights,
 * `constant` answers one vector for everything.
 */
export async function modelOrControl(folder: string, control: Control): Promise<EmbeddingModel> {
  if (control === 'untrained') return loadUntrainedModel(folder, 1);
  const model = await loadEmbeddingModel(folder);
  return control === 'constant' ? constantModel(model) : model;
}

function constantModel(model: EmbeddingModel): EmbeddingModel {
  const { identity, segments, audioInput, videoInput } = model;
  const vector = new Float32Array(identity.dimension).fill(1 / Math.sqrt(identity.dimension));
  return {
    identity: { ...identity, id: `constant (${identity.id})` },
    segments,
    audioInput,
    videoInput,
    embedAudio: async (waveforms) => waveforms.map(() => vector),
    embedVideo: async (blocks) => blocks.map(() => vector),
    dispose: () => model.dispose(),
  };
}
