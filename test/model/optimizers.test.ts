import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { ParameterStore } from '#model/layers/parameters';
import { MomentumSgd } from '#model/training/momentum-sgd';
import { createOptimizer, OPTIMIZERS } from '#model/training/optimizer';

let engine: Engine;

beforeAll(async () => {
  engine = await loadEngine();
});

function store(): ParameterStore {
  const made = new ParameterStore(engine, 1);
  made.weight('layer/kernel', [2], { kind: 'constant', value: 1 });
  made.weight('layer/bias', [2], { kind: 'constant', value: 1 });
  return made;
}

const gradients = (kernel: number[], bias: number[]) =>
  new Map([
    ['layer/kernel', engine.tf.tensor(kernel)],
    ['layer/bias', engine.tf.tensor(bias)],
  ]);

const valuesOf = (of: ParameterStore, name: string) => [...(of.trainable.get(name)?.dataSync() ?? [])];

describe('gradient descent with momentum', () => {
  it('moves as worked out by hand: velocity, and decay for kernels alone', () => {
    const weights = store();
    const sgd = new MomentumSgd(weights, { momentum: 0.5, weightDecay: 0.1, maxGradientNorm: 100 });
    sgd.update(gradients([1, 0], [1, 0]), 0.1);
    // Kernel: 1 - 0.1 * 1 - 0.1 * 0.1 * 1; without gradient the decay alone.
    expect(valuesOf(weights, 'layer/kernel')[0]).toBeCloseTo(0.89, 6);
    expect(valuesOf(weights, 'layer/kernel')[1]).toBeCloseTo(0.99, 6);
    expect(valuesOf(weights, 'layer/bias')).toEqual([Math.fround(0.9), 1]);
    sgd.update(gradients([0, 0], [0, 0]), 0.1);
    // Half of the velocity is left.
    expect(valuesOf(weights, 'layer/bias')[0]).toBeCloseTo(0.85, 6);
    expect(sgd.step).toBe(2);
    weights.dispose();
  });

  it('clips by the global norm and answers the norm before', () => {
    const weights = store();
    const sgd = new MomentumSgd(weights, { momentum: 0, weightDecay: 0, maxGradientNorm: 1 });
    const norm = sgd.update(gradients([3, 0], [0, 4]), 1);
    expect(norm).toBeCloseTo(5, 6);
    expect(valuesOf(weights, 'layer/kernel')[0]).toBeCloseTo(1 - 3 / 5, 6);
    expect(valuesOf(weights, 'layer/bias')[1]).toBeCloseTo(1 - 4 / 5, 6);
    weights.dispose();
  });
});

describe.each(OPTIMIZERS)('the optimiser %s', (name) => {
  it('goes on to the bit from its snapshot', () => {
    const [straight, resumed] = [store(), store()];
    const first = createOptimizer(name, straight);
    first.update(gradients([1, -2], [0.5, 0.1]), 0.1);
    const second = createOptimizer(name, resumed);
    resumed.restore(straight.snapshot());
    second.restore(first.snapshot(), first.step);
    for (const optimizer of [first, second]) optimizer.update(gradients([0.3, 0.2], [-1, 0]), 0.1);
    expect(resumed.snapshot()).toEqual(straight.snapshot());
    expect(second.snapshot()).toEqual(first.snapshot());
    expect(second.step).toBe(2);
    straight.dispose();
    resumed.dispose();
  });

  it('changes nothing and leaks nothing when a gradient is not finite', () => {
    const weights = store();
    const optimizer = createOptimizer(name, weights);
    const before = weights.snapshot();
    const tensors = engine.tf.memory().numTensors;
    const update = () => optimizer.update(gradients([1, Number.NaN], [0, 0]), 0.1);
    expect(update).toThrow(expect.objectContaining({ code: 'training_diverged' }));
    expect(weights.snapshot()).toEqual(before);
    expect(optimizer.step).toBe(0);
    expect(engine.tf.memory().numTensors).toBe(tensors);
    weights.dispose();
  });

  it('refuses the state of another network', () => {
    const weights = store();
    const optimizer = createOptimizer(name, weights);
    const foreign = [{ name: 'first/other', shape: [1], data: new Float32Array(1) }];
    expect(() => optimizer.restore(foreign, 1)).toThrow(
      expect.objectContaining({ code: 'checkpoint_invalid', subject: 'first/other' }),
    );
    weights.dispose();
  });
});
