/**
 * Training checkpoints: weights, optimiser moments and position, so that a killed run goes on to the bit.
 * `state.json` is written last and names the files it belongs to; an interrupted save leaves the one before.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { sha256, writeFileAtomically } from '../checkpoint/checkpoint.ts';
import { decodeSafetensors, encodeSafetensors } from '../checkpoint/safetensors.ts';
import type { NamedArray, ParameterStore } from '../layers/parameters.ts';
import type { MovingAverage } from './moving-average.ts';
import type { Optimizer } from './optimizer.ts';

export interface TrainingState {
  step: number;
  optimizerStep: number;
  bestScore: number;
  bestStep: number;
  evaluationsSinceBest: number;
  /** What the run was started with; a resume with other settings is refused. */
  settings: Record<string, unknown>;
}

interface StateFile extends TrainingState {
  files: Record<'weights' | 'optimizer' | 'average' | 'best', { name: string; sha256: string } | null>;
}

export interface Checkpoint {
  state: TrainingState;
  weights: NamedArray[];
  optimizer: NamedArray[];
  /** The moving average of the weights, where the run keeps one. */
  average: NamedArray[] | null;
  best: NamedArray[] | null;
}

/** What the steps of a run change. */
export interface Learner {
  store: ParameterStore;
  optimizer: Optimizer;
  average: MovingAverage | null;
}

/** The arrays of a checkpoint, but for the best weights. */
export function arraysOf({ store, optimizer, average }: Learner): Omit<Checkpoint, 'state' | 'best'> {
  return {
    weights: store.snapshot(),
    optimizer: optimizer.snapshot(),
    average: average?.snapshot() ?? null,
  };
}

/** Puts the learner where the checkpoint was taken. @throws EarshotError `checkpoint_invalid` for another network's */
export function restoreLearner({ store, optimizer, average }: Learner, found: Checkpoint): void {
  store.restore(found.weights);
  optimizer.restore(found.optimizer, found.state.optimizerStep);
  if (found.average) average?.restore(found.average);
}

/** A checkpoint of a run that ends with its last weights: nothing of it was ever the best. */
export async function saveProgress(
  folder: string,
  learner: Learner,
  { step, settings }: Pick<TrainingState, 'step' | 'settings'>,
): Promise<void> {
  const state = {
    ...{ step, optimizerStep: learner.optimizer.step },
    ...{ bestScore: 0, bestStep: step, evaluationsSinceBest: 0 },
    settings,
  };
  await saveCheckpoint(folder, { state, ...arraysOf(learner), best: null });
}

/**
 * Goes on with such a run.
 *
 * @returns the steps taken; 0 where no checkpoint was written
 * @throws EarshotError see `loadCheckpoint`
 */
export async function resumeProgress(
  folder: string,
  learner: Learner,
  settings: Record<string, unknown>,
): Promise<number> {
  const found = await loadCheckpoint(folder, settings);
  if (!found) return 0;
  restoreLearner(learner, found);
  return found.state.step;
}

export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { state } = checkpoint;
  const write = async (kind: string, step: number, arrays: NamedArray[] | null) => {
    if (!arrays) return null;
    const bytes = encodeSafetensors(arrays);
    const name = `${kind}-${step}.safetensors`;
    await writeFileAtomically(path.join(folder, name), bytes);
    return { name, sha256: sha256(bytes) };
  };
  const files = {
    weights: await write('weights', state.step, checkpoint.weights),
    optimizer: await write('optimizer', state.step, checkpoint.optimizer),
    average: await write('average', state.step, checkpoint.average),
    best: await write('best', state.bestStep, checkpoint.best),
  };
  const stateFile: StateFile = { ...state, files };
  await writeFileAtomically(path.join(folder, 'state.json'), `${JSON.stringify(stateFile, null, 2)}\n`);
  const kept = new Set(Object.values(files).map((file) => file?.name));
  for (const name of await readdir(folder)) {
    if (/^(weights|optimizer|average|best)-\d+\.safetensors$/.test(name) && !kept.has(name))
      await rm(path.join(folder, name));
  }
}

/**
 * @param settings of the run that goes on
 * @returns the last whole checkpoint, or null where none was written
 * @throws EarshotError `checkpoint_invalid` for a damaged one, and for a run that was started with other settings
 */
export async function loadCheckpoint(
  folder: string,
  settings: Record<string, unknown>,
): Promise<Checkpoint | null> {
  const stateName = path.join(folder, 'state.json');
  let text: string;
  try {
    text = await readFile(stateName, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { files, ...state } = JSON.parse(text) as StateFile;
  const read = async (file: { name: string; sha256: string } | null): Promise<NamedArray[]> => {
    if (!file)
      throw new EarshotError('checkpoint_invalid', `${stateName} names no weights.`, { subject: stateName });
    const bytes = await readFile(path.join(folder, file.name));
    if (sha256(bytes) !== file.sha256) {
      throw new EarshotError('checkpoint_invalid', `${file.name} is damaged: its checksum differs.`, {
        subject: file.name,
      });
    }
    return decodeSafetensors(bytes, file.name);
  };
  const checkpoint = {
    state,
    weights: await read(files.weights),
    optimizer: await read(files.optimizer),
    average: files.average ? await read(files.average) : null,
    best: files.best ? await read(files.best) : null,
  };
  const differing = differences(state.settings, settings);
  if (differing.length === 0) return checkpoint;
  const message = `The run in ${folder} was started with other settings: ${differing.join('; ')}.`;
  throw new EarshotError('checkpoint_invalid', message, { subject: folder });
}

/** Each setting that is not the same, as it was and as it is now. */
function differences(before: Record<string, unknown>, now: Record<string, unknown>): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.flatMap((name) => {
    const [was, is] = [before[name], now[name]].map((value) => JSON.stringify(value) ?? 'none');
    return was === is ? [] : [`${name} ${was}, not ${is}`];
  });
}
