/** One inference thread: holds one model, loaded once, and answers one batch at a time. */
import { workerData } from 'piscina';
import { asEarshotError, EarshotError } from '#core/errors';
import type { EmbeddingModel, TextEmbedding } from '#model/embedding-model';
import type { loadEmbeddingModel } from '#model/load-model';
import type {
  SynchronizationAnswer,
  SynchronizationScene,
} from '#model/synchronization/check-synchronization';
import type { TowerResult, VideoTowerResult } from '#model/towers/tower-backend';
import type {
  InferenceAnswer,
  InferenceJob,
  InferenceTask,
  InferenceWorkerData,
  LocalizedSegment,
} from './inference-task.ts';

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

/** Segments between two looks at whether the answer is still wanted: as many as a model takes at once. */
const CHUNK = 8;

/** Runs one batch; failures come back as values because an error's class would be lost between threads. */
export default async function runInference({ task, stop }: InferenceJob): Promise<InferenceAnswer> {
  try {
    const model = await loadedModel();
    if (task.kind === 'warm-up') return { vectors: [] };
    if (task.kind === 'audio-features') return { audioFeatures: await audioFeatures(model, task.waveform) };
    if (task.kind === 'video-features') return { videoFeatures: await videoFeatures(model, task) };
    if (task.kind === 'synchronization')
      return { synchronization: await checkSynchronization(model, task.scene) };
    if (task.kind === 'localize') return { localized: await localizeSegment(model, task) };
    if (task.kind === 'text') return { texts: await embedTexts(model, task.texts) };
    const vectors =
      task.kind === 'audio'
        ? await inChunks(task.waveforms, stop, (waveforms) => model.embedAudio(waveforms))
        : await inChunks(task.blocks, stop, (blocks) => model.embedVideo(blocks));
    // A model may answer views into one big buffer, and a view would be sent with all of it: copy what is small.
    return { vectors: vectors.map((vector) => vector.slice()) };
  } catch (error) {
    const { code, message } = asEarshotError(error);
    return { failure: { code, message } };
  }
}

async function inChunks<T>(
  inputs: readonly T[],
  stop: Int32Array,
  embed: (chunk: readonly T[]) => Promise<Float32Array[]>,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let start = 0; start < inputs.length; start += CHUNK) {
    if (Atomics.load(stop, 0) !== 0) throw new EarshotError('cancelled', 'Nobody waits for this batch.');
    vectors.push(...(await embed(inputs.slice(start, start + CHUNK))));
  }
  return vectors;
}

function audioFeatures(model: EmbeddingModel, waveform: Float32Array): Promise<TowerResult> {
  if (model.audioFeatures) return model.audioFeatures(waveform);
  throw onlyVectors(model);
}

function videoFeatures(
  model: EmbeddingModel,
  { block, mapFrames }: Extract<InferenceTask, { kind: 'video-features' }>,
): Promise<VideoTowerResult> {
  if (model.videoFeatures) return model.videoFeatures(block, mapFrames);
  throw onlyVectors(model);
}

function checkSynchronization(
  model: EmbeddingModel,
  scene: SynchronizationScene,
): Promise<SynchronizationAnswer> {
  if (model.checkSynchronization) return model.checkSynchronization(scene);
  const message = `The model "${model.identity.id}" has no synchronization head: use "mini", or train one with "earshot train --head synchronization".`;
  throw new EarshotError('not_trained', message, { subject: model.identity.id });
}

/** Both in one task, so that what both start from is made once. */
async function localizeSegment(
  model: EmbeddingModel,
  { request, named }: Extract<InferenceTask, { kind: 'localize' }>,
): Promise<LocalizedSegment> {
  if (!model.localize) throw onlyVectors(model);
  const found = await model.localize(request);
  if (!named) return { found, sources: null };
  if (model.localizeSources) return { found, sources: await model.localizeSources(request) };
  const message = `The model "${model.identity.id}" has no grouping head: train one with "earshot train --head grouping".`;
  throw new EarshotError('not_trained', message, { subject: model.identity.id });
}

function onlyVectors({ identity }: EmbeddingModel): EarshotError {
  const message = `The model "${identity.id}" gives one vector a segment and nothing finer: use "mini" for this.`;
  return new EarshotError('not_trained', message, { subject: identity.id });
}

function embedTexts(model: EmbeddingModel, texts: readonly string[]): Promise<TextEmbedding[]> {
  if (model.embedText) return model.embedText(texts);
  throw new EarshotError('modality_missing', `The model "${model.identity.id}" has no text tower.`);
}
