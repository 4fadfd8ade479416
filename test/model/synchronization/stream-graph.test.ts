/** The head on the runtime, against the plain one. */
import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type Engine, loadEngine } from '#model/engine/engine';
import type { NamedArray } from '#model/layers/parameters';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import { CELL_INPUTS, PHASES, SOUND_BANDS, SOUND_INPUTS } from '#model/synchronization/head-input';
import { SynchronizationNetwork } from '#model/synchronization/head-network';
import { SynchronizationSession } from '#model/synchronization/head-session';
import { MotionStream, NEIGHBOURS } from '#model/synchronization/stream';
import { MotionStreamSession } from '#model/synchronization/stream-graph';
import { SynchronizationHead } from '#model/synchronization/synchronization-head';

const random = new SeededRandom('stream graph');
const values = (length: number) => Float32Array.from({ length }, () => random.uniform(-1, 1));

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

/** Arrays as they are learned, or of before: three layers, and cells that know nothing of each other. */
function arraysOf(kind: 'learned' | 'of before'): NamedArray[] {
  if (kind === 'learned') {
    const network = new SynchronizationNetwork(engine, 4);
    const arrays = network.store.snapshot();
    network.dispose();
    // What begins at zero would hide a layer that is left out.
    return arrays.map((array) =>
      array.name.endsWith('bias') ? { ...array, data: values(array.data.length) } : array,
    );
  }
  const layers = (name: string, inputs: number, widths: readonly number[]) =>
    widths.flatMap((width, i) => {
      const size = [inputs, NEIGHBOURS * (widths[0] as number), widths[1] as number][i] as number;
      return [
        { name: `${name}/${i + 1}/kernel`, shape: [size, width], data: values(size * width) },
        { name: `${name}/${i + 1}/bias`, shape: [width], data: values(width) },
      ];
    });
  const scalars = ['scale', 'nothing'].map((name) => ({ name, shape: [], data: values(1) }));
  return [
    ...layers('sound', SOUND_INPUTS, [64, 64, 16]),
    ...layers('motion', CELL_INPUTS, [16, 24, 16]),
    ...scalars,
  ];
}

function furthest(values: ArrayLike<number>, others: ArrayLike<number>): number {
  expect(values.length).toBe(others.length);
  return Array.from(values).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (others[i] as number))),
    0,
  );
}

describe.each(['learned', 'of before'] as const)('streams %s', (kind) => {
  it.each([1, 2, 9])('say the same of the motion in %i steps, both ends included', async (steps) => {
    const stream = new MotionStream(arraysOf(kind));
    const cells = values(steps * CELL_COUNT * CELL_CHANNELS);
    const session = await MotionStreamSession.open(stream);
    const embedded = await session.embed(cells);
    await session.dispose();
    expect(furthest(embedded, stream.embed(cells))).toBeLessThan(1e-4);
  });

  it('say the same of a window', async () => {
    const head = new SynchronizationHead(arraysOf(kind));
    const session = await SynchronizationSession.open(head);
    const sound = values(60 * SOUND_BANDS);
    const motion = values(26 * CELL_COUNT * CELL_CHANNELS);
    const placed = { soundStart: -PHASES - 1 };
    const evidence = await session.evidence(sound, motion, placed);
    await session.dispose();
    const expected = head.evidence(sound, motion, placed);
    expect(furthest(evidence.shifts, expected.shifts)).toBeLessThan(1e-4);
    expect(evidence.nothing).toBeCloseTo(expected.nothing, 4);
  });
});
