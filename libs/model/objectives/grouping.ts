/**
 * What the audio-visual grouping network learns from. Weak: which classes are heard and seen, and that what is heard of
 * a class lies nearer to some place of its own picture than to any place of the others. Strong, openly beside it: where
 * each sounding object of a generated scene is, and which places are each class's, whether it sounds or not.
 *
 * @see Mo & Tian 2023, "Audio-visual grouping network for sound localization from mixtures", equations 5 to 9
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';
import type { GroupingNetwork, GroupingOutput } from '../localization/grouping-network.ts';

/** A sound of a class with a place in its own picture: one row of the class-aware contrast. */
export interface ClassPair {
  frame: number;
  classIndex: number;
}

/** What is known of a batch of frames, each of another scene. */
export interface GroupingTruth {
  /** `[frames, classes]`, 0 or 1 */
  heard: Float32Array;
  /** `[frames, classes]`, 0 or 1 */
  seen: Float32Array;
  /** `[frames, cells, classes]`, 0..1: where the class sounds. */
  places: Float32Array;
  /** `[frames, cells, classes]`, 0..1: where the class is seen, whether it sounds or not. */
  shown: Float32Array;
  /** Classes heard of something that is seen. */
  pairs: readonly ClassPair[];
}

/** Rows of the contrast are padded to so many, so that all batches have one shape. */
const MAX_PAIRS = 48;
const TEMPERATURE = 0.1;
/** Takes a scene that has the class as well out of the contrast. */
const NOT_A_NEGATIVE = -1e4;
/** Of the maps of classes that are neither heard nor seen, of which there are many. */
const ABSENT_WEIGHT = 0.1;
const WEIGHTS = { identity: 1, presence: 0.5, contrast: 0.5, places: 4, assignment: 2 };
const EPSILON = 1e-6;

/** The whole loss; `output` is the network's in training. */
export function groupingLoss(
  tf: TensorFlow,
  network: GroupingNetwork,
  output: GroupingOutput,
  truth: GroupingTruth,
): tfTypes.Scalar {
  const { audio, visual, logits } = output;
  const shape = audio.presence.shape as [number, number];
  const identity = [network.audio, network.visual].map((branch, i) =>
    identityLoss(tf, branch.identityOf((i === 0 ? audio : visual).classTokens)),
  ) as [tfTypes.Scalar, tfTypes.Scalar];
  const presence = (of: tfTypes.Tensor, there: Float32Array) =>
    tf.mul(tf.mean(binary(tf, of, tf.tensor2d(there, shape))), shape[1]);
  const terms = [
    tf.mul(tf.add(...identity), WEIGHTS.identity),
    tf.mul(presence(audio.presence, truth.heard), WEIGHTS.presence),
    tf.mul(presence(visual.presence, truth.seen), WEIGHTS.presence),
    tf.mul(contrast(tf, output, truth), WEIGHTS.contrast),
    tf.mul(placesLoss(tf, logits, truth), WEIGHTS.places),
  ];
  if (visual.affinity) terms.push(tf.mul(assignmentLoss(tf, visual.affinity, truth), WEIGHTS.assignment));
  return tf.addN(terms) as tfTypes.Scalar;
}

/** Cross-entropy of each class token with its own class. @param logits `[frames, classes, classes]` */
function identityLoss(tf: TensorFlow, logits: tfTypes.Tensor): tfTypes.Scalar {
  const [, classes] = logits.shape as [number, number, number];
  const own = tf.mul(tf.logSoftmax(logits), tf.eye(classes));
  return tf.neg(tf.mul(tf.mean(own), classes)) as tfTypes.Scalar;
}

/** Binary cross-entropy of logits with targets in 0..1, each by itself. */
function binary(tf: TensorFlow, logits: tfTypes.Tensor, targets: tfTypes.Tensor): tfTypes.Tensor {
  return tf.sub(tf.softplus(logits), tf.mul(logits, targets));
}

/** Where each class sounds, weighted towards the classes that are there in sound or picture. */
function placesLoss(
  tf: TensorFlow,
  logits: tfTypes.Tensor,
  { heard, seen, places }: GroupingTruth,
): tfTypes.Scalar {
  const [frames, , classes] = logits.shape as [number, number, number];
  const weights = heard.map((value, i) => (value > 0 || (seen[i] as number) > 0 ? 1 : ABSENT_WEIGHT));
  const each = binary(tf, logits, tf.tensor(places, logits.shape));
  const ofClass = tf.mul(tf.mean(each, 1), tf.tensor2d(weights, [frames, classes]));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return tf.div(tf.sum(ofClass), sum) as tfTypes.Scalar;
}

/** Of each class that is seen, which places it is given: binary cross-entropy of the assignment with its mask. */
function assignmentLoss(
  tf: TensorFlow,
  affinity: tfTypes.Tensor,
  { seen, shown }: GroupingTruth,
): tfTypes.Scalar {
  const [frames, , classes] = affinity.shape as [number, number, number];
  const given = tf.logSoftmax(affinity);
  const notGiven = tf.log(tf.add(tf.sub(1, tf.exp(given)), EPSILON));
  const mask = tf.tensor(shown, affinity.shape);
  const each = tf.neg(tf.add(tf.mul(mask, given), tf.mul(tf.sub(1, mask), notGiven)));
  const ofClass = tf.mul(tf.mean(each, 1), tf.tensor2d(seen, [frames, classes]));
  const sum = seen.reduce((total, value) => total + value, 0);
  return tf.div(tf.sum(ofClass), Math.max(1, sum)) as tfTypes.Scalar;
}

/**
 * InfoNCE over the largest class-aware similarity: of all pictures of the batch, the sound of a class picks its own.
 * Pictures in which the class is seen too say nothing either way.
 */
function contrast(tf: TensorFlow, output: GroupingOutput, truth: GroupingTruth): tfTypes.Scalar {
  const { audio, visual, places } = output;
  const [frames, classes, width] = visual.grouped.shape as [number, number, number];
  const pairs = truth.pairs.slice(0, MAX_PAIRS);
  if (pairs.length === 0) return tf.scalar(0);
  const { ofSound, ofClass, isOwn, left } = selections(pairs, truth, frames, classes);
  const heard = tf.matMul(
    tf.tensor2d(ofSound, [MAX_PAIRS, frames * classes]),
    tf.reshape(audio.grouped, [-1, width]) as tfTypes.Tensor2D,
  );
  const byClass = tf.reshape(tf.transpose(visual.grouped, [1, 0, 2]), [classes, frames * width]);
  const chosen = tf.matMul(tf.tensor2d(ofClass, [MAX_PAIRS, classes]), byClass as tfTypes.Tensor2D);
  // [frames, width, pairs]
  const seen = tf.transpose(tf.reshape(chosen, [MAX_PAIRS, frames, width]), [1, 2, 0]);
  const direction = tf.mul(heard, tf.rsqrt(tf.add(tf.sum(tf.square(heard), 1, true), EPSILON)));
  const asked = tf.matMul(places, tf.mul(seen, tf.transpose(direction)));
  const lengths = tf.matMul(tf.square(places), tf.square(seen));
  const cosine = tf.mul(asked, tf.rsqrt(tf.add(lengths, EPSILON)));
  const similarity = tf.transpose(tf.max(cosine, 1));
  const masked = tf.add(tf.div(similarity, TEMPERATURE), tf.tensor2d(left, [MAX_PAIRS, frames]));
  const own = tf.mul(tf.logSoftmax(masked), tf.tensor2d(isOwn, [MAX_PAIRS, frames]));
  return tf.div(tf.neg(tf.sum(own)), pairs.length) as tfTypes.Scalar;
}

/** One-hot rows that pick by matrix product, whose gradient every engine has; rows of zeros pad. */
function selections(pairs: readonly ClassPair[], { seen }: GroupingTruth, frames: number, classes: number) {
  const ofSound = new Float32Array(MAX_PAIRS * frames * classes);
  const ofClass = new Float32Array(MAX_PAIRS * classes);
  const isOwn = new Float32Array(MAX_PAIRS * frames);
  const left = new Float32Array(MAX_PAIRS * frames);
  pairs.forEach(({ frame, classIndex }, row) => {
    ofSound[row * frames * classes + frame * classes + classIndex] = 1;
    ofClass[row * classes + classIndex] = 1;
    isOwn[row * frames + frame] = 1;
    for (let other = 0; other < frames; other++)
      if (other !== frame && seen[other * classes + classIndex] === 1)
        left[row * frames + other] = NOT_A_NEGATIVE;
  });
  return { ofSound, ofClass, isOwn, left };
}
