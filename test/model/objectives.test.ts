import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type Engine, loadEngine } from '#model/engine/engine';
import { ALIGNMENT_SHIFTS, alignmentLoss } from '#model/objectives/alignment';
import { symmetricInfoNce } from '#model/objectives/info-nce';
import { maxOverPositions } from '#model/objectives/max-over-positions';
import { prototypeLoss } from '#model/objectives/prototype-loss';
import { cosineSchedule } from '#model/training/adam';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor2D = import('@tensorflow/tfjs').Tensor2D;
type Tensor3D = import('@tensorflow/tfjs').Tensor3D;

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function infoNce(audio: number[][], video: number[][], scale: number): number {
  const { tf } = engine;
  return tf.tidy(() => {
    const similarity = tf.matMul(tf.tensor2d(audio), tf.tensor2d(video), false, true);
    return symmetricInfoNce(tf, similarity as Tensor2D, tf.scalar(Math.log(scale))).dataSync();
  })[0] as number;
}

describe('symmetric InfoNCE', () => {
  it('is ln N for embeddings that are all the same', () => {
    const same = [
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ];
    expect(infoNce(same, same, 14)).toBeCloseTo(Math.log(4), 5);
  });

  it('agrees with a case worked out by hand', () => {
    // Two orthogonal pairs at scale 2: each row's logits are [2, 0] with the first right, so -ln(e^2 / (e^2 + 1)).
    const identity = [
      [1, 0],
      [0, 1],
    ];
    expect(infoNce(identity, identity, 2)).toBeCloseTo(Math.log(1 + Math.exp(-2)), 5);
  });

  it('takes both directions into account', () => {
    const { tf } = engine;
    // Both sounds point at the first picture: from sound to picture [s,0],[s,0]; from picture to sound [s,s],[0,0].
    const audio = [
      [1, 0],
      [1, 0],
    ];
    const video = [
      [1, 0],
      [0, 1],
    ];
    const scale = 3;
    const forward = (Math.log(1 + Math.exp(-scale)) + Math.log(1 + Math.exp(scale))) / 2;
    const backward = Math.log(2);
    expect(infoNce(audio, video, scale)).toBeCloseTo((forward + backward) / 2, 5);
    expect(infoNce(video, audio, scale)).toBeCloseTo((forward + backward) / 2, 5);
    expect(tf.memory().numTensors).toBeLessThan(100);
  });

  it('pulls a pair together and pushes strangers apart', () => {
    const { tf } = engine;
    const gradient = tf.tidy(() => {
      const video = tf.tensor2d([
        [1, 0],
        [0, 1],
      ]);
      const loss = (audio: Tensor) =>
        symmetricInfoNce(tf, tf.matMul(audio as Tensor2D, video, false, true), tf.scalar(1));
      return tf
        .grad(loss)(
          tf.tensor2d([
            [0.6, 0.6],
            [0.6, 0.6],
          ]),
        )
        .arraySync() as number[][];
    });
    const [[own, other]] = gradient as [[number, number]];
    expect(own).toBeLessThan(0);
    expect(other).toBeGreaterThan(0);
  });
});

describe('alignment over time', () => {
  const loss = (audio: number[][][], video: number[][][]): number => {
    const { tf } = engine;
    return tf.tidy(() =>
      alignmentLoss(tf, tf.tensor3d(audio), tf.tensor3d(video), new Int8Array(audio.length)).dataSync(),
    )[0] as number;
  };
  /** Step t points along axis t. */
  const axes = (steps: number, shift = 0): number[][] =>
    Array.from({ length: steps }, (_, t) =>
      Array.from({ length: 20 }, (_, d) => (d === (t - shift + 20) % 20 ? 1 : 0)),
    );
  const constant = (steps: number): number[][] => Array.from({ length: steps }, () => [1, 0]);

  it('is ln of the number of shifts for embeddings that tell nothing', () => {
    expect(loss([constant(20)], [constant(20)])).toBeCloseTo(Math.log(ALIGNMENT_SHIFTS.length), 4);
    // Of four steps only the shifts by 0, 2 and 3 leave an overlap.
    expect(loss([constant(4)], [constant(4)])).toBeCloseTo(Math.log(5), 4);
  });

  it('agrees with a case worked out by hand', () => {
    // At every true instant the distance is 0, at every other one it is 2: exponents 0 and -20.
    expect(loss([axes(16)], [axes(16)])).toBeCloseTo(Math.log(1 + 10 * Math.exp(-20)), 6);
    // One of two rows tells nothing: the mean of both.
    const silent = axes(16).map(() => axes(1)[0] as number[]);
    expect(loss([axes(16), silent], [axes(16), silent])).toBeCloseTo(Math.log(11) / 2, 4);
  });

  it('is lower in step than out of step, in either direction', () => {
    for (const shift of [-3, -2, 2, 3]) {
      // The distance is 0 at that shift and 2 at the true one.
      expect(loss([axes(16)], [axes(16, shift)])).toBeCloseTo(20, 1);
    }
  });

  it('draws an instant to its partner and away from shifted ones', () => {
    const { tf } = engine;
    const random = new SeededRandom(3);
    const rows = Array.from({ length: 16 }, () => {
      const row = Array.from({ length: 32 }, () => random.normal());
      const length = Math.hypot(...row);
      return row.map((value) => value / length);
    });
    const flat = rows.map(() => rows[0] as number[]);
    const along = tf.tidy(() => {
      const audio = tf.tensor3d([rows]);
      const gradient = tf.grad((video: Tensor) =>
        alignmentLoss(tf, audio, video as Tensor3D, new Int8Array(audio.shape[0])),
      )(tf.tensor3d([flat]));
      const towards = (steps: number[][]) =>
        tf.sum(tf.mul(gradient, tf.tensor3d([steps]))).dataSync()[0] as number;
      // Steps 2 to 15 beside 0 to 13: what lies two steps before.
      const shifted = rows.map((_, t) => (t < 2 ? rows[0]!.map(() => 0) : (rows[t - 2] as number[])));
      return { own: towards(rows), shifted: towards(shifted) };
    });
    expect(along.own).toBeLessThan(-0.1);
    expect(along.shifted).toBeGreaterThan(0.1);
  });
});

describe('the maximum over positions', () => {
  it('agrees with a case worked out by hand, over all frames of a clip', () => {
    const { tf } = engine;
    // Two clips of two frames of 1 x 2 positions.
    const [right, up, left] = [
      [1, 0],
      [0, 1],
      [-1, 0],
    ] as [number[], number[], number[]];
    const slant = [0.6, 0.8];
    const values = tf.tidy(() =>
      maxOverPositions(
        tf,
        tf.tensor2d([right, up]),
        tf.tensor4d([[[left, up]], [[slant, left]], [[left, left]], [[left, right]]]),
      ).arraySync(),
    ) as number[][];
    const expected = [
      [0.6, 1],
      [1, 0],
    ];
    for (const [i, row] of expected.entries())
      for (const [j, value] of row.entries()) expect(values[i]?.[j]).toBeCloseTo(value, 6);
  });

  it('teaches the best position alone', () => {
    const { tf } = engine;
    const gradient = tf.tidy(() =>
      tf
        .grad((positions: Tensor) =>
          tf.sum(
            maxOverPositions(tf, tf.tensor2d([[1, 0]]), positions as import('@tensorflow/tfjs').Tensor4D),
          ),
        )(
          tf.tensor4d([
            [
              [
                [0.1, 0.9],
                [0.8, 0.6],
              ],
            ],
          ]),
        )
        .arraySync(),
    );
    expect(gradient).toEqual([
      [
        [
          [0, 0],
          [1, 0],
        ],
      ],
    ]);
  });
});

describe('prototype loss', () => {
  it('is ln C when the prototypes tell nothing, and small when each row lies on its own', () => {
    const { tf } = engine;
    const loss = (rows: number[][], prototypes: number[][], labels: number[]) =>
      tf.tidy(() =>
        prototypeLoss(
          tf,
          tf.tensor2d(rows),
          tf.tensor2d(prototypes),
          tf.oneHot(tf.tensor1d(labels, 'int32'), prototypes.length) as Tensor2D,
        ).dataSync(),
      )[0] as number;
    const axes = [
      [5, 0, 0],
      [0, 0.1, 0],
      [0, 0, 1],
    ];
    expect(
      loss(
        [[1, 0, 0]],
        [
          [1, 0, 0],
          [1, 0, 0],
          [2, 0, 0],
        ],
        [1],
      ),
    ).toBeCloseTo(Math.log(3), 4);
    // The length of a prototype does not matter.
    expect(loss([[0, 1, 0]], axes, [1])).toBeCloseTo(Math.log(1 + 2 * Math.exp(-12)), 4);
    expect(loss([[0, 1, 0]], axes, [0])).toBeGreaterThan(10);
  });
});

describe('learning rate', () => {
  it('warms up in a line, peaks, and falls as half a cosine to a hundredth', () => {
    const options = { peak: 1, warmUpSteps: 10, totalSteps: 110 };
    expect(cosineSchedule(0, options)).toBeCloseTo(0.1, 9);
    expect(cosineSchedule(9, options)).toBeCloseTo(1, 9);
    expect(cosineSchedule(60, options)).toBeCloseTo(0.505, 9);
    expect(cosineSchedule(110, options)).toBeCloseTo(0.01, 9);
  });
});
