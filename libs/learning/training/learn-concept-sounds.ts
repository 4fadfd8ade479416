/**
 * Learns what a sound's embedding says about the concepts beside its classes' scores: multinomial logistic regression on
 * the leading directions of the embeddings, on top of the calibrated scores, with several right answers a sound.
 *
 * The loss of a sound is `-log` of the softmax's share of its right concepts, of `s (axes + correction)` with a learned
 * scale `s`; the correction is drawn towards nothing by L2. It has no constant part: how often a concept is met in the
 * recordings is no knowledge about it.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { EarshotError } from '#core/errors';
import type { SoundWeights } from '#model/concepts/learned-sounds';
import type { Engine } from '#model/engine/engine';
import { ParameterStore } from '#model/layers/parameters';
import { Adam } from '#model/training/adam';
import { namedGradients } from '#model/training/named-gradients';

export interface SoundExample {
  /** Calibrated scores, `[concepts]`. */
  axes: Float64Array;
  /** `[1024]` */
  embedding: Float64Array;
  /** Right answers, as indices of the concepts. */
  right: readonly number[];
  weight: number;
}

/** Chosen by leaving out one source at a time (`scripts/learn-concept-sounds.ts`). */
const RANK = 64;
const L2 = 60;
/** Directions are brought to equal spread, those of little spread less so: of the widest one's. */
const SHRINKAGE = 0.05;
const STEPS = 400;
const LEARNING_RATE = 0.02;
const INITIAL_SCALE = 10;

/**
 * @param concepts names, in the order of the axes
 * @throws EarshotError `not_enough_data` with fewer examples than directions, `training_diverged`
 */
export function learnConceptSounds(
  engine: Engine,
  concepts: readonly string[],
  examples: readonly SoundExample[],
): SoundWeights {
  if (examples.length < 2 * RANK) {
    const message = `At least ${2 * RANK} labelled sounds are needed, and there are ${examples.length}.`;
    throw new EarshotError('not_enough_data', message);
  }
  const total = examples.reduce((sum, { weight }) => sum + weight, 0);
  const { mean, directions } = leadingDirections(examples, total);
  const { tf } = engine;
  const along = examples.map(({ embedding }) => {
    const beyond = Matrix.rowVector(Array.from(embedding, (value, i) => value - (mean[i] as number)));
    return beyond.mmul(directions).to1DArray();
  });
  const features = tf.tensor2d(along);
  const axes = tf.tensor2d(examples.map((example) => Array.from(example.axes)));
  const right = tf.tensor2d(
    examples.map((example) => concepts.map((_, i) => Number(example.right.includes(i)))),
  );
  const weights = tf.tensor1d(examples.map(({ weight }) => weight / total));
  const store = new ParameterStore(engine, 0);
  store.weight('kernel', [RANK, concepts.length], { kind: 'constant', value: 0 });
  store.weight('scale', [], { kind: 'constant', value: INITIAL_SCALE });
  // Decay that is decoupled from the loss would be no L2.
  const optimizer = new Adam(store, { weightDecay: 0 });
  const kernel = store.trainable.get('kernel') as unknown as tfTypes.Tensor2D;
  const scale = store.trainable.get('scale') as tfTypes.Variable;
  for (let step = 0; step < STEPS; step++) {
    const { gradients } = namedGradients(engine, store, () => {
      const logits = tf.add(tf.mul(axes, scale), tf.matMul(features, kernel)) as tfTypes.Tensor2D;
      const shares = tf.sum(tf.mul(tf.softmax(logits), right), 1);
      const loss = tf.neg(tf.sum(tf.mul(tf.log(tf.add(shares, 1e-9)), weights)));
      return tf.add(loss, tf.mul(tf.sum(tf.square(kernel)), L2 / (2 * total))) as tfTypes.Scalar;
    });
    optimizer.update(gradients, (LEARNING_RATE * (1 + Math.cos((Math.PI * step) / STEPS))) / 2);
  }
  const learned = Float32Array.from(kernel.dataSync());
  const [found = INITIAL_SCALE] = scale.dataSync();
  store.dispose();
  tf.dispose([features, axes, right, weights]);
  return {
    concepts,
    mean: Float32Array.from(mean),
    directions: Float32Array.from(directions.to1DArray()),
    weights: learned.map((value) => value / found),
  };
}

/**
 * Principal directions of the embeddings, `[1024, rank]`, divided by the spread along them.
 *
 * @param total of all weights
 */
function leadingDirections(
  examples: readonly SoundExample[],
  total: number,
): { mean: Float64Array; directions: Matrix } {
  const size = examples[0]?.embedding.length ?? 0;
  const mean = new Float64Array(size);
  for (const { embedding, weight } of examples)
    embedding.forEach((value, i) => {
      mean[i] = (mean[i] as number) + (value * weight) / total;
    });
  const rows = new Matrix(
    examples.map(({ embedding, weight }) => {
      const root = Math.sqrt(weight / total);
      return Array.from(embedding, (value, i) => root * (value - (mean[i] as number)));
    }),
  );
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(rows.transpose().mmul(rows), {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((_, i) => i)
    .sort((a, b) => (realEigenvalues[b] ?? 0) - (realEigenvalues[a] ?? 0));
  const spread = (i: number) => Math.sqrt(Math.max(0, realEigenvalues[i] ?? 0));
  const widest = spread(order[0] ?? 0);
  const columns = order.slice(0, RANK).map((of) => {
    const column = eigenvectorMatrix.getColumn(of);
    // The sign of a direction is nobody's: made the same on every machine.
    const largest = column.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    return column.map((value) => (Math.sign(largest) * value) / (spread(of) + SHRINKAGE * widest));
  });
  return { mean, directions: new Matrix(columns).transpose() };
}
