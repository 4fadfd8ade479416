import { beforeAll, describe, expect, it } from 'vitest';
import { trainingBatchNorm } from '#model/engine/batch-norm';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { heapBytes, normalTensor } from './parity.ts';

type Tensor4D = import('@tensorflow/tfjs').Tensor4D;
type Variable = import('@tensorflow/tfjs').Variable;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

/** A small net with every kind of layer that training uses, and its loss against fixed targets. */
function smallNet() {
  const variable = (shape: number[], seed: number): Variable =>
    tf.tidy(() => tf.variable(tf.mul(normalTensor(tf, shape, seed), 0.3), true));
  const ones = (size: number): Variable => tf.tidy(() => tf.variable(tf.ones([size])));
  const stem = variable([3, 3, 3, 8], 1);
  const depthwise = variable([3, 3, 8, 1], 2);
  const pointwise = variable([1, 1, 8, 12], 3);
  const dense = variable([12, 5], 4);
  const table = variable([4, 5], 5);
  const [gamma, beta] = [ones(12), ones(12)];
  const x = normalTensor<Tensor4D>(tf, [4, 9, 7, 3], 6);
  const targets = normalTensor(tf, [4, 5], 7);
  const rows = tf.tensor1d([0, 1, 1, 3], 'int32');
  const loss = () => {
    let y = tf.relu(tf.conv2d(x, stem as unknown as Tensor4D, 2, 'same'));
    y = tf.depthwiseConv2d(y, depthwise as unknown as Tensor4D, 1, 'same');
    y = tf.conv2d(y, pointwise as unknown as Tensor4D, 1, 'same');
    const normalised = tf.relu(trainingBatchNorm(tf, y, gamma, beta).y);
    const scores = tf.add(tf.matMul(tf.mean(normalised, [1, 2]), dense), tf.gather(table, rows));
    const attention = tf.softmax(tf.matMul(scores, targets, false, true));
    return tf.mean(tf.square(tf.sub(tf.matMul(attention, scores), targets))).asScalar();
  };
  const variables = [stem, depthwise, pointwise, dense, table, gamma, beta];
  const dispose = () => tf.dispose([...variables, x, targets, rows]);
  return { loss, variables, dispose };
}

function train(steps: number): { losses: number[]; tensors: number[]; heapBytes: number[] } {
  const net = smallNet();
  const optimizer = tf.train.adam(0.01);
  const record = { losses: [] as number[], tensors: [] as number[], heapBytes: [] as number[] };
  for (let step = 0; step < steps; step++) {
    const loss = optimizer.minimize(net.loss, true, net.variables)!;
    record.losses.push(loss.dataSync()[0]!);
    loss.dispose();
    record.tensors.push(tf.memory().numTensors);
    record.heapBytes.push(heapBytes(tf));
  }
  net.dispose();
  optimizer.dispose();
  return record;
}

describe('training on wasm', () => {
  it('learns, and holds no more tensors or heap after 50 steps than after the first few', () => {
    const { losses, tensors, heapBytes: heap } = train(50);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
    expect(new Set(tensors.slice(1)).size).toBe(1);
    expect(heap.at(-1)).toBe(heap[4]);
  });

  it('is repeatable to the bit', () => {
    expect(train(5).losses).toEqual(train(5).losses);
  });

  it('leaves nothing behind once its variables are disposed', () => {
    const before = { tensors: tf.memory().numTensors, data: tf.memory().numDataBuffers };
    train(3);
    expect(tf.memory().numTensors).toBe(before.tensors);
    expect(tf.memory().numDataBuffers).toBe(before.data);
  });
});
