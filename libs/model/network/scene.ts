/** Which of the labels given a scene belongs to, by the nearness of their prototypes. */
import { EarshotError } from '#core/errors';
import { checkVector, refuse } from './inputs.ts';
import { dot } from './tower-passes.ts';

/** An embedding that stands for each label: the mean of a few examples, say. Any length; only the direction counts. */
export type LabelPrototypes = Readonly<Record<string, Float32Array>>;

export interface LabelProbability {
  label: string;
  /** 0..1; the labels given sum to 1. */
  probability: number;
}

/**
 * Softmax over the cosines between the scene and each label's prototype.
 *
 * @param scene      `[d]`
 * @param labels     at least one, none twice
 * @param scale      inverse temperature
 * @returns in the order of the labels; a label's probability does not depend on its place
 * @throws EarshotError `not_trained` without prototypes, `invalid_argument` naming a label without one
 */
export function classifyByPrototype(
  scene: Float32Array,
  labels: readonly string[],
  prototypes: LabelPrototypes | undefined,
  scale: number,
): LabelProbability[] {
  if (!Array.isArray(labels) || labels.length === 0)
    throw refuse('invalid_argument', 'labels', 'labels is empty: name the labels to choose among.');
  if (prototypes === undefined) {
    const message = 'classifyScene: this model knows no labels of its own; give a prototype for each label.';
    throw new EarshotError('not_trained', message, { subject: 'classifyScene' });
  }
  const logits = (labels as readonly string[]).map((label, i) => {
    if (labels.indexOf(label) !== i)
      throw refuse('invalid_argument', `labels[${i}]`, `The label "${label}" is given twice.`);
    const prototype = Object.hasOwn(prototypes, label) ? prototypes[label] : undefined;
    if (!prototype) throw refuse('invalid_argument', `labels[${i}]`, `There is no label "${label}".`);
    checkVector(prototype, scene.length, `prototypes.${label}`);
    return (scale * dot(scene, prototype)) / Math.sqrt(dot(prototype, prototype) * dot(scene, scene));
  });
  const highest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - highest));
  // Summed from the smallest, so that the order of the labels leaves no trace.
  const total = [...weights].sort((a, b) => a - b).reduce((sum, weight) => sum + weight, 0);
  return labels.map((label: string, i: number) => ({ label, probability: (weights[i] as number) / total }));
}
