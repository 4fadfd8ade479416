/**
 * What a sound's embedding says about the concepts beside the classes' scores, learned from recordings whose names say
 * what they are: the learned part of the projection into the concepts' space. A class score is the answer to one
 * question of AudioSet; the embedding below it still tells a sawmill from a bench of hammers.
 *
 * `learned-sounds.safetensors` is written by `scripts/learn-concept-sounds.ts`. A concept that nothing was heard of is
 * judged by its classes, less what the others gain.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { sha256 } from '../checkpoint/checkpoint.ts';
import { decodeSafetensors, safetensorsMetadata } from '../checkpoint/safetensors.ts';
import type { ConceptTable } from './table.ts';

/** YAMNet's. */
export const SOUND_EMBEDDING_SIZE = 1024;

export interface SoundWeights {
  /** Names of the concepts, in the order of the columns. */
  concepts: readonly string[];
  /** Embedding of an ordinary sound, `[1024]`. */
  mean: Float32Array;
  /** `[1024, rank]` */
  directions: Float32Array;
  /** `[rank, concepts]` */
  weights: Float32Array;
}

export interface LearnedSounds {
  /**
   * What the embedding speaks for and against each concept, in units of the calibrated scores.
   *
   * @param embedding `[1024]`, the mean over the patches
   * @returns `[concepts]` in the table's order; 0 for a concept newer than the weights
   */
  correction(embedding: ArrayLike<number>): Float64Array;
  /** First 8 hex digits of the file's sha256. */
  hash: string;
}

const FILE = new URL('./learned-sounds.safetensors', import.meta.url);

let shipped: { weights: SoundWeights; hash: string } | null = null;

/** The shipped weights, for the concepts of a table. */
export function learnedSounds(table: ConceptTable): LearnedSounds {
  if (shipped === null) {
    const bytes = readFileSync(FILE);
    const hash = sha256(bytes).slice(0, 8);
    shipped = { weights: readSoundWeights(bytes, 'learned-sounds.safetensors'), hash };
  }
  const { weights, hash } = shipped;
  const columns = table.concepts.map(({ name }) => weights.concepts.indexOf(name));
  const correction = (embedding: ArrayLike<number>) => {
    const all = soundCorrection(weights, embedding);
    return Float64Array.from(columns, (column) => (column === -1 ? 0 : (all[column] as number)));
  };
  return { correction, hash };
}

/**
 * Only what is heard more than on ordinary material is corrected, in full from this calibrated score on: the embedding is
 * to decide between what is heard, and small corrections of everything else would only blur the direction.
 */
const CORRECTED_IN_FULL_FROM = 1 / 3;

/**
 * Calibrated scores with what the embedding says besides.
 *
 * @param axes       calibrated scores, `[concepts]`
 * @param correction `[concepts]`
 */
export function correctedAxes(axes: Float64Array, correction: ArrayLike<number>): Float64Array {
  return axes.map((value, i) => {
    const heard = Math.max(0, Math.min(1, value / CORRECTED_IN_FULL_FROM));
    return value + heard * (correction[i] as number);
  });
}

/** `(embedding - mean) directions weights`, `[concepts]` in the order of the weights. */
export function soundCorrection(
  { concepts, mean, directions, weights }: SoundWeights,
  embedding: ArrayLike<number>,
): Float64Array {
  if (embedding.length !== mean.length) {
    throw new EarshotError('shape_mismatch', `An embedding of ${mean.length} numbers is needed.`);
  }
  const rank = directions.length / mean.length;
  const along = new Float64Array(rank);
  mean.forEach((usual, i) => {
    const beyond = (embedding[i] as number) - usual;
    for (let k = 0; k < rank; k++)
      along[k] = (along[k] as number) + beyond * (directions[i * rank + k] as number);
  });
  const result = new Float64Array(concepts.length);
  along.forEach((value, k) => {
    for (let c = 0; c < concepts.length; c++)
      result[c] = (result[c] as number) + value * (weights[k * concepts.length + c] as number);
  });
  return result;
}

const namesSchema = z.array(z.string().min(1)).min(1);

/** @throws EarshotError `checkpoint_invalid` */
export function readSoundWeights(bytes: Uint8Array, subject: string): SoundWeights {
  const arrays = new Map(decodeSafetensors(bytes, subject).map((array) => [array.name, array]));
  const names = namesIn(safetensorsMetadata(bytes, subject).concepts);
  const [mean, directions, weights] = ['mean', 'directions', 'weights'].map((name) => arrays.get(name));
  const rank = directions?.shape[1];
  if (
    names === null ||
    mean?.data.length !== SOUND_EMBEDDING_SIZE ||
    directions?.shape[0] !== SOUND_EMBEDDING_SIZE ||
    weights?.shape[0] !== rank ||
    weights?.shape[1] !== names.length
  ) {
    throw new EarshotError('checkpoint_invalid', `${subject} does not hold weights for sounds.`, { subject });
  }
  return { concepts: names, mean: mean.data, directions: directions.data, weights: weights.data };
}

function namesIn(json: string | undefined): string[] | null {
  try {
    return namesSchema.parse(JSON.parse(json ?? ''));
  } catch {
    return null;
  }
}
