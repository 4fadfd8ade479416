/** Pairs that belong together by construction: a band of the spectrum and a colour share a number. */
import { SeededRandom } from '#core/random';
import { motionFromLuma } from '#model/front-ends/motion';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import type { TwoTowerOptions } from '#model/towers/two-tower';
import type { BatchRequest, TrainingBatch, TrainingSource } from '#model/training/training-source';

/** Colour frames alone, no pyramid: the shape of the first models. */
export const TOY_TOWERS: TwoTowerOptions = {
  audio: {
    bands: 16,
    hopSec: 0.01,
    trunkChannels: [16, 16, 16, 32, 32],
    tokenWidth: 32,
    numEncoderLayers: 1,
    numHeads: 2,
    embeddingDimension: 32,
    temporalParts: 0,
    alignmentDimension: 0,
  },
  video: {
    trunkChannels: [16, 16, 16, 16, 32, 32],
    tokenWidth: 32,
    numEncoderLayers: 1,
    numHeads: 2,
    embeddingDimension: 32,
    motion: null,
    temporalParts: 0,
    alignmentDimension: 0,
    positions: false,
  },
};

const MOTION_SIZE = 16;

/** Every part that a tower can have. */
export const TOY_FULL_TOWERS: TwoTowerOptions = {
  audio: { ...TOY_TOWERS.audio, temporalParts: 2, alignmentDimension: 8 },
  video: {
    ...TOY_TOWERS.video,
    motion: { size: MOTION_SIZE, trunkChannels: [8, 8, 16] },
    temporalParts: 2,
    alignmentDimension: 8,
    positions: true,
  },
};

const STEPS = 8;
const FRAMES = STEPS * AUDIO_TIME_STRIDE;
const BANDS = 16;
const SIDE = 32;
const CLASSES = 8;

/** Each clip's sound comes in two of its steps, in which its picture flashes. */
export function toyPairs(count: number, seed: number): TrainingSource {
  const random = new SeededRandom(seed);
  const classes = Array.from({ length: count }, (_, i) => i % CLASSES);
  const strikes = classes.map(() => random.shuffle(Array.from({ length: STEPS }, (_, i) => i)).slice(0, 2));
  const sounds = classes.map((c, clip) =>
    Float32Array.from({ length: FRAMES * BANDS }, (_, i) => {
      const step = Math.floor(i / BANDS / AUDIO_TIME_STRIDE);
      const level = strikes[clip]?.includes(step) ? 3 : 1.5;
      return ((i % BANDS) >> 1 === c ? level : 0) + 0.1 * random.normal();
    }),
  );
  const pictures = classes.map((c) =>
    // The number's three bits switch the three colours.
    Float32Array.from(
      { length: SIDE * SIDE * 3 },
      (_, i) => ((c >> (i % 3)) & 1 ? 1 : -1) + 0.1 * random.normal(),
    ),
  );
  const motions = strikes.map((steps) => toyMotion(steps));
  return {
    size: count,
    bands: BANDS,
    frameWidth: SIDE,
    frameHeight: SIDE,
    motionSize: MOTION_SIZE,
    labels: classes.map(String),
    batch: async ({ sounds: heard, pictures: seen }: BatchRequest): Promise<TrainingBatch> => ({
      logMel: stack(sounds, heard),
      melFrames: FRAMES,
      frames: stack(pictures, seen),
      frameTimesSec: new Float32Array(seen.length),
      framesPerClip: 1,
      motion: stack(motions, seen),
      motionSteps: STEPS,
      motionTimesSec: Float32Array.from({ length: seen.length * STEPS }, (_, i) => (i % STEPS) * 0.08),
      lagSteps: new Int8Array(seen.length),
    }),
  };
}

/** Luma of 0.3, 0.8 in the steps in which something is struck. */
function toyMotion(strikes: readonly number[]): Float32Array {
  const pixels = MOTION_SIZE * MOTION_SIZE;
  const luma = new Float32Array(STEPS * pixels).fill(0.3);
  for (const step of strikes) luma.fill(0.8, step * pixels, (step + 1) * pixels);
  const out = new Float32Array(2 * luma.length);
  motionFromLuma(luma, STEPS, MOTION_SIZE, out, 0);
  return out;
}

function stack(arrays: readonly Float32Array[], indices: readonly number[]): Float32Array {
  const size = (arrays[0] as Float32Array).length;
  const out = new Float32Array(indices.length * size);
  indices.forEach((index, row) => {
    out.set(arrays[index] as Float32Array, row * size);
  });
  return out;
}
