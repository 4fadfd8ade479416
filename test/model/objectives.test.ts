import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { symmetricInfoNce } from '#model/objectives/info-nce';
import { prototypeLoss } from '#model/objectives/prototype-loss';
import { cosineSchedule } from '#model/training/adam';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function infoNce(audio: number[][], video: number[][], scale: number): number {
  const { tf } = engine;
  return tf.tidy(() =>
    symmetricInfoNce(tf, tf.tensor2d(audio), tf.tensor2d(video), tf.scalar(Math.log(scale))).dataSync(),
  )[0] as number;
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
      const loss = (audio: import('@tensorflow/tfjs').Tensor) =>
        symmetricInfoNce(tf, audio as import('@tensorflow/tfjs').Tensor2D, video, tf.scalar(1));
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

describe('prototype loss', () => {
  it('is ln C when the prototypes tell nothing, and small when each row lies on its own', () => {
    const { tf } = engine;
    const loss = (rows: number[][], prototypes: number[][], labels: number[]) =>
      tf.tidy(() =>
        prototypeLoss(tf, tf.tensor2d(rows), tf.tensor2d(prototypes), labels).dataSync(),
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
