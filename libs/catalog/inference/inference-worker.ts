/** One inference thread: holds one model, loaded once, and answers one batch at a time. */
import { workerData } from 'piscina';
import { asEarshotError, EarshotError } from '#core/errors';
import type { EmbeddingModel, TextEmbedding } from '#model/embedding-model';
import type { loadEmbeddingModel } from '#model/load-model';
import type { InferenceAnswer, InferenceTask, InferenceWorkerData } from './inference-task.ts';

const { modelFolder, modelModule, engine } = workerData as InferenceWorkerData;

let loading: Promise<EmbeddingModel> | null = null;

/** The thread's model; a failed load is tried again by the next task. */
function loadedModel(): Promise<EmbeddingModel> {
  loading ??= loadModel().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function loadModel(): Promise<EmbeddingModel> {
  const module = (await import(modelModule)) as { loadEmbeddingModel: typeof loadEmbeddingModel };
  return module.loadEmbeddingModel(modelFolder, { engine });
}

/** Runs one batch; failures come back as values because an error's class would be lost between threads. */
export default async function runInference(task: InferenceTask): Promise<InferenceAnswer> {
  try {
    const model = await loadedModel();
    if (task.kind === 'warm-up') return { vectors: [] };
    if (task.kind === 'text') return { texts: await embedTexts(model, task.texts) };
    const vectors =
      task.kind === 'audio' ? await model.embedAudio(task.waveforms) : await model.embedVideo(task.blocks);
    // A model may answer views into one big buffer, and a view would be sent with all of it: copy what is small.
    return { vectors: vectors.map((vector) => vector.slice()) };
  } catch (error) {
    const { code, message } = asEarshotError(error);
    return { failure: { code, message } };
  }
}

function embedTexts(model: EmbeddingModel, texts: readonly string[]): Promise<TextEmbedding[]> {
  if (model.embedText) return model.embedText(texts);
  throw new EarshotError('modality_missing', `The model "${model.identity.id}" has no text tower.`);
}
