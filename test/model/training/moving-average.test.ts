import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { ParameterStore } from '#model/layers/parameters';
import { MovingAverage } from '#model/training/moving-average';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

describe('the moving average of the weights', () => {
  it('follows weights and statistics as worked out by hand', () => {
    const store = new ParameterStore(engine, 1);
    const weight = store.weight('w', [2], { kind: 'constant', value: 1 });
    const statistic = store.statistic('s', [1], 0);
    const average = new MovingAverage(store, 0.5);
    store.assign(weight, Float32Array.of(3, -1));
    store.assign(statistic, Float32Array.of(10));
    // The first update: decay min(0.5, 2 / 11).
    average.update(1);
    const early = 2 / 11;
    expect(average.snapshot().map(({ name }) => name)).toEqual(['w', 's']);
    const [w, s] = average.snapshot();
    expect(w?.data[0]).toBeCloseTo(early * 1 + (1 - early) * 3, 5);
    expect(w?.data[1]).toBeCloseTo(early * 1 + (1 - early) * -1, 5);
    expect(s?.data[0]).toBeCloseTo((1 - early) * 10, 5);
    // Later the decay itself counts: (1 + 100) / (10 + 100) is above it.
    average.update(100);
    expect(average.snapshot()[1]?.data[0]).toBeCloseTo(0.5 * (1 - early) * 10 + 5, 5);
    store.dispose();
  });

  it('answers and takes copies', () => {
    const store = new ParameterStore(engine, 1);
    const weight = store.weight('w', [1], { kind: 'constant', value: 1 });
    const average = new MovingAverage(store, 0.9);
    const before = average.snapshot();
    store.assign(weight, Float32Array.of(5));
    average.update(1000);
    expect(before[0]?.data[0]).toBe(1);
    const kept = [{ name: 'w', shape: [1], data: Float32Array.of(7) }];
    average.restore(kept);
    average.update(1000);
    expect(kept[0]?.data[0]).toBe(7);
    expect(average.snapshot()[0]?.data[0]).toBeCloseTo(0.9 * 7 + 0.1 * 5, 5);
    store.dispose();
  });
});
