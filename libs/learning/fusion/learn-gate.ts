/** Learns a fusion gate on frozen towers, on the very question that it is to serve: labels by a few examples each. */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { drawEpisode, type Episode, type LabelledScene } from '#model/calibration/few-shot';
import { logistic } from '#model/calibration/platt';
import type { FusionGate } from '#model/checkpoint/manifest';
import type { Engine } from '#model/engine/engine';
import { WeightedFusion } from '#model/layers/fusion';
import { ParameterStore } from '#model/layers/parameters';
import { unitLength } from '#model/layers/unit-length';
import { sideOf } from '#model/network/label-cosines';
import { Adam, cosineSchedule } from '#model/training/adam';
import { namedGradients } from '#model/training/named-gradients';
import type { MeasuredScene } from '../evaluation/embed-scenes.ts';

export interface GateLearning {
  steps?: number;
  batchSize?: number;
  peakLearningRate?: number;
  seed?: number;
}

/** Where the inverse temperature begins, which is learned beside the gate and then left to the calibration. */
const FIRST_SCALE = 14;
const EXAMPLES_PER_LABEL = [1, 3];
/** How many of the scenes that are asked about are as they were; half of the others have lost their sound, half the picture. */
const UNHARMED_PART = 0.5;

/** The arrays' names in a parameter store. */
const NAME = 'fusion';
const LABEL_SOUND = 'label-sound';

/**
 * Each step draws an episode: examples as they are, questions as they are, under noise or in the dark. What is asked is
 * fused by the gate, the labels' prototypes all by one weight, and the cosines' cross-entropy is made smaller. A gate that
 * fused the labels as well would draw a scene to those that it happens to weigh as it weighs the scene.
 *
 * @param scenes training clips with both streams and their `degraded` ones, unit length
 * @throws EarshotError `not_enough_data` where fewer than two labels have two clips
 */
export function learnGate(
  engine: Engine,
  scenes: readonly MeasuredScene[],
  { steps = 200, batchSize = 64, peakLearningRate = 0.03, seed = 1 }: GateLearning = {},
): { gate: FusionGate; loss: number } {
  const dimension = scenes[0]?.audio?.length ?? 0;
  const store = new ParameterStore(engine, seed);
  const fusion = new WeightedFusion(store, NAME, dimension);
  const logScale = store.weight('scale', [1], { kind: 'constant', value: Math.log(FIRST_SCALE) });
  const labelSound = store.weight(LABEL_SOUND, [1], { kind: 'constant', value: 0 });
  // Until it has learned better, both streams count the same.
  for (const variable of store.trainable.values())
    if (variable !== logScale) store.assign(variable, new Float32Array(variable.size));
  const parts = { fusion, logScale, labelSound };
  const optimizer = new Adam(store);
  const random = new SeededRandom(`${seed}:gate`);
  let loss = Number.NaN;
  for (let step = 0; step < steps; step++) {
    const question = drawQuestion(scenes, batchSize, random);
    const learned = namedGradients(engine, store, () => lossOf(engine, parts, question));
    loss = learned.loss;
    const rate = { peak: peakLearningRate, warmUpSteps: Math.ceil(steps / 20), totalSteps: steps };
    optimizer.update(learned.gradients, cosineSchedule(step, rate));
  }
  const gate = gateOf(store);
  store.dispose();
  return { gate, loss };
}

interface Question {
  /** `[batch]` vectors each. */
  audio: Float32Array[];
  video: Float32Array[];
  /** Indices of the labels, `[batch]`. */
  targets: number[];
  /** Unit vectors, one a label. */
  prototypes: { audio: Float32Array[]; video: Float32Array[] };
}

function drawQuestion(scenes: readonly MeasuredScene[], batchSize: number, random: SeededRandom): Question {
  const episode =
    drawEpisode(scenes, random.pick(EXAMPLES_PER_LABEL), 1, random) ?? drawEpisode(scenes, 1, 1, random);
  const known = new Set(episode?.labels);
  const asked = episode?.queries.filter((i) => known.has((scenes[i] as LabelledScene).label)) ?? [];
  if (!episode || asked.length === 0) {
    const message = 'A fusion gate needs two clips or more of at least two labels.';
    throw new EarshotError('not_enough_data', message, { subject: 'scenes' });
  }
  const drawn = Array.from({ length: batchSize }, () => scenes[random.pick(asked)] as MeasuredScene);
  const harmed = drawn.map((scene) => harmOne(scene, random));
  const prototype = (stream: 'audio' | 'video') =>
    episode.labels.map((label) => ofStream(episode, label, stream));
  return {
    audio: harmed.map(({ audio }) => audio),
    video: harmed.map(({ video }) => video),
    targets: drawn.map(({ label }) => episode.labels.indexOf(label)),
    prototypes: { audio: prototype('audio'), video: prototype('video') },
  };
}

function ofStream({ prototypes }: Episode, label: string, stream: 'audio' | 'video'): Float32Array {
  const prototype = prototypes[label];
  const vector = prototype && sideOf(prototype, stream);
  return vector ?? lackingStream();
}

function harmOne({ audio, video, degraded }: MeasuredScene, random: SeededRandom) {
  if (!audio || !video || !degraded?.audio || !degraded.video) return lackingStream();
  if (random.next() < UNHARMED_PART) return { audio, video };
  return random.next() < 0.5 ? { audio: degraded.audio, video } : { audio, video: degraded.video };
}

function lackingStream(): never {
  const message = 'A clip has no sound or no picture: a fusion gate is learned on both.';
  throw new EarshotError('not_enough_data', message, { subject: 'scenes' });
}

interface Parts {
  fusion: WeightedFusion;
  logScale: tfTypes.Variable;
  /** Before the logistic function. */
  labelSound: tfTypes.Variable;
}

function lossOf(
  { tf }: Engine,
  { fusion, logScale, labelSound }: Parts,
  { audio, video, targets, prototypes }: Question,
): tfTypes.Scalar {
  const rows = (vectors: readonly Float32Array[]) => {
    const width = vectors[0]?.length ?? 0;
    const data = new Float32Array(vectors.length * width);
    vectors.forEach((vector, i) => {
      data.set(vector, i * width);
    });
    return unitLength(tf, tf.tensor2d(data, [vectors.length, width]));
  };
  const fused = (heard: readonly Float32Array[], seen: readonly Float32Array[], weight?: tfTypes.Tensor) =>
    unitLength(tf, fusion.apply(rows(heard), rows(seen), weight).fused) as tfTypes.Tensor2D;
  const labels = fused(prototypes.audio, prototypes.video, tf.sigmoid(labelSound));
  const logits = tf.mul(tf.matMul(fused(audio, video), labels, false, true), tf.exp(logScale));
  const hot = tf.oneHot(tf.tensor1d(targets, 'int32'), prototypes.audio.length);
  return tf.neg(tf.mean(tf.sum(tf.mul(hot, tf.logSoftmax(logits)), -1))) as tfTypes.Scalar;
}

/** Rounded as it is written. */
function gateOf(store: ParameterStore): FusionGate {
  const arrays = new Map(store.snapshot().map(({ name, data }) => [name, Array.from(data, rounded)]));
  const weights = arrays.get(`${NAME}/gate/kernel`);
  const bias = arrays.get(`${NAME}/gate/bias`)?.[0];
  const label = arrays.get(LABEL_SOUND)?.[0];
  if (!weights || bias === undefined || label === undefined)
    throw new EarshotError('internal', 'The gate has lost its arrays.');
  return { weights, bias, labelSound: rounded(logistic(label)) };
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}
