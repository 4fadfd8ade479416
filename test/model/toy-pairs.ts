/** Pairs that belong together by construction: a band of the spectrum and a colour share a number. */
import { SeededRandom } from '#core/random';
import type { TwoTowerOptions } from '#model/towers/two-tower';
import type { TrainingSource } from '#model/training/training-source';

export const TOY_TOWERS: TwoTowerOptions = {
  audio: {
    bands: 16,
    hopSec: 0.01,
    trunkChannels: [16, 16, 16, 32, 32],
    tokenWidth: 32,
    numEncoderLayers: 1,
    numHeads: 2,
    embeddingDimension: 32,
  },
  video: {
    trunkChannels: [16, 16, 16, 16, 32, 32],
    tokenWidth: 32,
    numEncoderLayers: 1,
    numHeads: 2,
    embeddingDimension: 32,
  },
};

const FRAMES = 32;
const BANDS = 16;
const SIDE = 32;
const CLASSES = 8;

export function toyPairs(count: number, seed: number): TrainingSource {
  const random = new SeededRandom(seed);
  const classes = Array.from({ length: count }, (_, i) => i % CLASSES);
  const sounds = classes.map((c) =>
    Float32Array.from(
      { length: FRAMES * BANDS },
      (_, i) => ((i % BANDS) >> 1 === c ? 1.5 : 0) + 0.1 * random.normal(),
    ),
  );
  const pictures = classes.map((c) =>
    // The number's three bits switch the three colours.
    Float32Array.from(
      { length: SIDE * SIDE * 3 },
      (_, i) => ((c >> (i % 3)) & 1 ? 1 : -1) + 0.1 * random.normal(),
    ),
  );
  const stack = (arrays: Float32Array[], indices: readonly number[]) => {
    const size = (arrays[0] as Float32Array).length;
    const out = new Float32Array(indices.length * size);
    indices.forEach((index, row) => {
      out.set(arrays[index] as Float32Array, row * size);
    });
    return out;
  };
  return {
    size: count,
    bands: BANDS,
    frameWidth: SIDE,
    frameHeight: SIDE,
    labels: classes.map(String),
    batch: (soundIndices, pictureIndices) => ({
      logMel: stack(sounds, soundIndices),
      melFrames: FRAMES,
      frames: stack(pictures, pictureIndices),
      frameTimesSec: new Float32Array(pictureIndices.length),
      framesPerClip: 1,
    }),
  };
}
