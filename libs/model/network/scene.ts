/**
 * Which of the labels given a scene belongs to, by the nearness of their prototypes to what is heard and to what is seen.
 * Each stream gives probabilities of its own. Where there are both, they are fused: into one vector by the gate of a
 * model that has one, else by their probabilities, each weighted by how sure it is.
 */
import { EarshotError } from '#core/errors';
import type { ClassificationCalibration } from '../checkpoint/manifest.ts';
import { refuse } from './inputs.ts';
import {
  type LabelPrototypes,
  type SceneCosines,
  type SceneEmbeddings,
  type Stream,
  sceneCosines,
  shownLabel,
} from './label-cosines.ts';

interface LabelProbability {
  label: string;
  /** 0..1; the labels given sum to 1. */
  probability: number;
}

export interface SceneClassification {
  /** In the order of the labels: from both streams where there are both, else from the one. */
  scores: LabelProbability[];
  /** What each stream says by itself; null where it is missing. */
  audio: LabelProbability[] | null;
  video: LabelProbability[] | null;
  /** Of each stream with each label, in their order. */
  cosines: Record<Stream, Float64Array | null>;
  /** How near the nearest label is, in units of the calibration: below 0 it is too far where a threshold was fitted. */
  nearness: number;
  /** The most probable label (of equals the first by name), or `unknown` where nothing is near. */
  verdict: string;
}

/** What the verdict says when nothing is near, and therefore no label. */
export const UNKNOWN = 'unknown';

/** Of models that nothing has been fitted for: about where a contrastive temperature of 0.07 comes to rest. */
export const DEFAULT_SCALE = 14;

/** A calibration that has never been fitted: its verdict is always a label. */
export function uncalibrated(scale: number): ClassificationCalibration {
  const stream = { scale, threshold: null };
  return { audio: stream, video: stream, expected: stream, fused: { scale: 1, threshold: null } };
}

/**
 * @param scene  at least one stream
 * @param labels at least one, none twice, in any order: a label's probability does not depend on its place
 * @throws EarshotError `not_trained` without prototypes; `invalid_argument` naming a label that is given twice or has no
 *   prototype; `modality_missing` for a scene without streams
 */
export function classifyByPrototype(
  scene: SceneEmbeddings,
  labels: readonly string[],
  prototypes: LabelPrototypes | undefined,
  calibration: ClassificationCalibration,
): SceneClassification {
  checkLabels(labels);
  if (prototypes === undefined) {
    const message = 'classifyScene: this model knows no labels of its own; give a prototype for each label.';
    throw new EarshotError('not_trained', message, { subject: 'classifyScene' });
  }
  const streams = sceneCosines(scene, labels, prototypes, calibration.fused.gate);
  const evidence = weighStreams(streams, calibration);
  const probabilities = softmax(evidence.logits);
  const named = (values: Float64Array | null) =>
    values && labels.map((label, i) => ({ label, probability: values[i] as number }));
  const best = strongestLabel(labels, probabilities);
  const nearness = evidence.nearness[best] as number;
  const isNear = !evidence.hasThreshold || nearness >= 0;
  return {
    scores: named(probabilities) as LabelProbability[],
    audio: named(evidence.audio),
    video: named(evidence.video),
    cosines: { audio: streams.audio, video: streams.video },
    nearness,
    verdict: isNear ? (labels[best] as string) : UNKNOWN,
  };
}

interface Evidence {
  audio: Float64Array | null;
  video: Float64Array | null;
  /** Of both streams, or of the one there is. */
  logits: Float64Array;
  /** Of each label, above the threshold where there is one. */
  nearness: Float64Array;
  hasThreshold: boolean;
}

/**
 * Of two streams what they are fused into decides. Where nothing fuses them, their log-probabilities are averaged, each
 * weighted by one minus its normalised entropy: a stream that can't tell the labels apart says nothing.
 */
export function weighStreams(cosines: SceneCosines, calibration: ClassificationCalibration): Evidence {
  const streams = (['audio', 'video'] as const).flatMap((name) => {
    const values = cosines[name];
    if (!values) return [];
    const { scale, threshold } = calibration[name];
    const logits = values.map((cosine) => scale * cosine);
    const nearness = values.map((cosine) => scale * (cosine - (threshold ?? 0)));
    return [{ name, logits, nearness, probabilities: softmax(logits), threshold }];
  });
  const [first, second] = streams;
  if (!first)
    throw refuse('modality_missing', 'scene', 'The scene has neither a sound to hear nor a picture to see.');
  const of = (name: Stream) => streams.find((stream) => stream.name === name)?.probabilities ?? null;
  const own = { audio: of('audio'), video: of('video') };
  if (!second) {
    const { logits, nearness, threshold } = first;
    return { ...own, logits, nearness, hasThreshold: threshold !== null };
  }
  const [a, b] = [confidence(first.probabilities), confidence(second.probabilities)];
  const share = a + b > 0 ? a / (a + b) : 0.5;
  const mixed = (left: Float64Array, right: Float64Array) =>
    left.map((value, i) => share * value + (1 - share) * (right[i] as number));
  const { scale, threshold } = calibration.fused;
  if (cosines.fused) {
    const logits = cosines.fused.map((cosine) => scale * cosine);
    const nearness = cosines.fused.map((cosine) => scale * (cosine - (threshold ?? 0)));
    return { ...own, logits, nearness, hasThreshold: threshold !== null };
  }
  const together = mixed(logProbabilities(first.logits), logProbabilities(second.logits));
  return {
    ...own,
    logits: together.map((value) => scale * value),
    nearness: mixed(first.nearness, second.nearness).map((value) => value - (threshold ?? 0)),
    hasThreshold: threshold !== null,
  };
}

/** Exponentials that sum to 1; the order of the values leaves no trace. */
function softmax(logits: Float64Array): Float64Array {
  const highest = maximum(logits);
  const weights = logits.map((logit) => Math.exp(logit - highest));
  const total = orderless(weights);
  return weights.map((weight) => weight / total);
}

/** @throws EarshotError `invalid_argument` */
function checkLabels(labels: readonly string[]): void {
  if (!Array.isArray(labels) || labels.length === 0)
    throw refuse('invalid_argument', 'labels', 'labels is empty: name the labels to choose among.');
  const seen = new Set<string>();
  (labels as readonly string[]).forEach((label, i) => {
    if (label === UNKNOWN) {
      const message = `"${UNKNOWN}" can't be a label: it is what the verdict says when nothing is near.`;
      throw refuse('invalid_argument', `labels[${i}]`, message);
    }
    if (seen.has(label))
      throw refuse('invalid_argument', `labels[${i}]`, `The label "${shownLabel(label)}" is given twice.`);
    seen.add(label);
  });
}

/** 1 minus the entropy over its greatest value: 0 for a stream that can't tell, 1 for one that is certain. */
function confidence(probabilities: Float64Array): number {
  if (probabilities.length < 2) return 1;
  const entropy = orderless(probabilities.map((p) => (p > 0 ? -p * Math.log(p) : 0)));
  return Math.max(0, 1 - entropy / Math.log(probabilities.length));
}

function logProbabilities(logits: Float64Array): Float64Array {
  const highest = maximum(logits);
  const total = Math.log(orderless(logits.map((logit) => Math.exp(logit - highest))));
  return logits.map((logit) => logit - highest - total);
}

/** The index of the largest; of equals, the label that comes first by name. */
function strongestLabel(labels: readonly string[], probabilities: Float64Array): number {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) {
    const lead = (probabilities[i] as number) - (probabilities[best] as number);
    if (lead > 0 || (lead === 0 && (labels[i] as string) < (labels[best] as string))) best = i;
  }
  return best;
}

function maximum(values: Float64Array): number {
  return values.reduce((highest, value) => Math.max(highest, value), Number.NEGATIVE_INFINITY);
}

/** The sum, from the smallest value on: the same for every order. */
function orderless(values: Float64Array): number {
  return values
    .slice()
    .sort()
    .reduce((sum, value) => sum + value, 0);
}
