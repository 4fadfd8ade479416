/** The motion of cells on the runtime, against the plain one. */
import { expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import { CELL_INPUTS } from '#model/synchronization/head-input';
import { MotionStreamSession } from '#model/synchronization/motion-stream-graph';
import { MOTION_WIDTHS, MotionStream, NEIGHBOURS } from '#model/synchronization/stream';

const random = new SeededRandom('motion stream');
const values = (length: number) => Float32Array.from({ length }, () => random.uniform(-1, 1));

function randomStream(): MotionStream {
  const inputs = [CELL_INPUTS, NEIGHBOURS * MOTION_WIDTHS[0], MOTION_WIDTHS[1]];
  return new MotionStream(
    MOTION_WIDTHS.flatMap((width, i) => {
      const size = inputs[i] as number;
      return [
        { name: `motion/${i + 1}/kernel`, shape: [size, width], data: values(size * width) },
        { name: `motion/${i + 1}/bias`, shape: [width], data: values(width) },
      ];
    }),
  );
}

it.each([1, 2, 9])('says the same of %i steps, both ends included', async (steps) => {
  const stream = randomStream();
  const cells = values(steps * CELL_COUNT * CELL_CHANNELS);
  const session = await MotionStreamSession.open(stream);
  const embedded = await session.embed(cells);
  const expected = stream.embed(cells);
  expect(embedded).toHaveLength(expected.length);
  const furthest = expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (embedded[i] as number))),
    0,
  );
  expect(furthest).toBeLessThan(1e-4);
  await session.dispose();
});
