/** The separation thread: holds the model, loaded once, and separates one file at a time. */
import { asEarshotError } from '#core/errors';
import { SeparationModel } from '#model/separation/separation-model';
import { separateMedia } from './separate-media.ts';
import type { SeparationAnswer, SeparationTask } from './separation-task.ts';

let held: { folder: string; model: Promise<SeparationModel> } | null = null;

/** The thread's model; a failed load is tried again by the next task. */
function loadedModel(folder: string): Promise<SeparationModel> {
  if (held?.folder !== folder) {
    const model = SeparationModel.load(folder);
    held = { folder, model };
    model.catch(() => {
      held = null;
    });
  }
  return held.model;
}

/** Failures come back as values because an error's class would be lost between threads. */
export default async function runSeparation(task: SeparationTask): Promise<SeparationAnswer> {
  const { job, modelFolder, stop, progress } = task;
  try {
    const files = await separateMedia(job, await loadedModel(modelFolder), {
      isStopped: () => Atomics.load(stop, 0) !== 0,
      onProgress: (part) => progress.postMessage(part),
    });
    return { files };
  } catch (error) {
    const { code, message, subject } = asEarshotError(error);
    return { failure: { code, message, subject } };
  } finally {
    progress.close();
  }
}
