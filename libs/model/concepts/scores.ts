/**
 * From class scores to concept scores: how strongly each concept of the table is heard or seen, in [0, 1].
 * AudioSet's classes are independent and nested (a bark is also a dog and an animal), so the best one speaks for a
 * concept, a wider class by what its narrower ones leave of it, and the rest add little: where two concepts have an equally
 * good class, the one that more classes are heard for wins. ImageNet's exclude each other, so their probabilities add up.
 */
import type { WeightedClass } from './table.ts';

/** Of the norm over a concept's classes: 1 would add them up, infinity take the best one alone. */
const SHARPNESS = 4;

/**
 * @param scores  sigmoid scores, `[patches, classes]`
 * @param classes each concept's classes
 * @returns `[concepts]`, the mean over the patches
 */
export function audioConceptScores(
  scores: Float32Array,
  classCount: number,
  classes: readonly WeightedClass[][],
): Float64Array {
  const patches = scores.length / classCount;
  return Float64Array.from(classes, (members) => {
    let sum = 0;
    for (let patch = 0; patch < patches; patch++) {
      const heard = scores.subarray(patch * classCount, (patch + 1) * classCount);
      const together = members.reduce((total, member) => total + speaksFor(member, heard) ** SHARPNESS, 0);
      sum += Math.min(1, together ** (1 / SHARPNESS));
    }
    return patches === 0 ? 0 : sum / patches;
  });
}

/** What a class says for its concept: its score above the strongest of the narrower classes that mean something else. */
function speaksFor({ index, weight, others = [] }: WeightedClass, scores: Float32Array): number {
  const taken = others.reduce((most, other) => Math.max(most, scores[other] as number), 0);
  return weight * Math.max(0, (scores[index] as number) - taken);
}

/**
 * @param logits  `[views, classes]`: every crop of every frame
 * @param classes each concept's classes
 * @returns `[concepts]`, the mean over the views
 */
export function videoConceptScores(
  logits: Float32Array,
  classCount: number,
  classes: readonly WeightedClass[][],
): Float64Array {
  const views = logits.length / classCount;
  const sums = new Float64Array(classes.length);
  for (let view = 0; view < views; view++) {
    const probabilities = classProbabilities(logits.subarray(view * classCount, (view + 1) * classCount));
    classes.forEach((members, concept) => {
      let sum = 0;
      for (const { index, weight } of members) sum += weight * (probabilities[index] as number);
      sums[concept] = (sums[concept] as number) + Math.min(1, sum);
    });
  }
  return sums.map((sum) => (views === 0 ? 0 : sum / views));
}

/** Softmax without class 0, ImageNet's "background": no picture was ever labelled so. */
export function classProbabilities(logits: Float32Array): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < logits.length; i++) highest = Math.max(highest, logits[i] as number);
  const values = Float64Array.from(logits, (logit, i) => (i === 0 ? 0 : Math.exp(logit - highest)));
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}

/**
 * @param values `[patches, width]`
 * @returns `[width]`
 */
export function meanOfPatches(values: Float32Array, width: number): Float64Array {
  const patches = values.length / width;
  const means = new Float64Array(width);
  values.forEach((value, i) => {
    means[i % width] = (means[i % width] as number) + value / patches;
  });
  return means;
}
