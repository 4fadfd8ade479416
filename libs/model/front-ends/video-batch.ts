/** From decoded frames to the video tower's input arrays, as the model's front end describes it. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import { addMotionGradient, MOTION_CHANNELS, type MotionSpec, motionBlocks, motionFrames } from './motion.ts';

/** One segment's picture, `[count, height, width, 3]` RGB: bytes, or floats in 0..1. */
export interface PixelBlock {
  data: Uint8Array | Float32Array;
  count: number;
}

export interface VideoBatch {
  /** Normalised colour frames, `[blocks * colourFrames, height, width, 3]`. */
  frames: Float32Array;
  /** `[blocks * colourFrames]` */
  frameTimesSec: Float32Array;
  motion: { data: Float32Array; shape: [number, number, number, number] } | null;
  /** `[blocks * count]`, empty without motion. */
  motionTimesSec: Float32Array;
}

/** @param blocks at least one, all of the same number of frames */
export function videoBatch(
  blocks: readonly PixelBlock[],
  spec: FrontEnds['video'],
  motion: MotionSpec | null,
): VideoBatch {
  const count = blocks[0]?.count ?? 0;
  const every = spec.colourEveryFrames;
  const colourCount = Math.ceil(count / every);
  const chosen = Array.from({ length: colourCount }, (_, i) => i * every);
  const size = spec.width * spec.height * 3;
  const frames = new Float32Array(blocks.length * colourCount * size);
  blocks.forEach(({ data }, i) => {
    frames.set(normalisedFrames(data, spec, chosen), i * colourCount * size);
  });
  const times = (perBlock: number, stepSec: number) =>
    Float32Array.from({ length: blocks.length * perBlock }, (_, i) => (i % perBlock) * stepSec);
  const frameTimesSec = times(colourCount, every / spec.rateHz);
  if (!motion) return { frames, frameTimesSec, motion: null, motionTimesSec: new Float32Array(0) };
  const side = motionBlocks(motion);
  const blockFloats = count * side * side * MOTION_CHANNELS;
  const data = new Float32Array(blocks.length * blockFloats);
  blocks.forEach((block, i) => {
    motionFrames(block.data, count, spec.width, spec.height, motion, data, i * blockFloats);
  });
  return {
    frames,
    frameTimesSec,
    motion: { data, shape: [blocks.length * count, side, side, MOTION_CHANNELS] },
    motionTimesSec: times(count, 1 / spec.rateHz),
  };
}

/**
 * @param data   `[count, height, width, 3]` RGB: bytes, or floats in 0..1
 * @param chosen which frames
 * @returns `[chosen, height, width, 3]`, normalised
 */
export function normalisedFrames(
  data: Uint8Array | Float32Array,
  spec: FrontEnds['video'],
  chosen: readonly number[],
): Float32Array {
  const size = spec.width * spec.height * 3;
  const out = new Float32Array(chosen.length * size);
  const { mean, deviation } = spec.normalization;
  // 256 possible values a channel: a table is faster than arithmetic on every pixel.
  const [red, green, blue] = [0, 1, 2].map((channel) =>
    Float32Array.from(
      { length: 256 },
      (_, value) => (value / 255 - (mean[channel] as number)) / (deviation[channel] as number),
    ),
  ) as [Float32Array, Float32Array, Float32Array];
  let at = 0;
  for (const frame of chosen) {
    const from = frame * size;
    if (data instanceof Float32Array) {
      for (let i = 0; i < size; i++, at++)
        out[at] = ((data[from + i] as number) - (mean[i % 3] as number)) / (deviation[i % 3] as number);
      continue;
    }
    for (let i = 0; i < size; i += 3, at += 3) {
      out[at] = red[data[from + i] as number] as number;
      out[at + 1] = green[data[from + i + 1] as number] as number;
      out[at + 2] = blue[data[from + i + 2] as number] as number;
    }
  }
  return out;
}

/**
 * The transpose of `videoBatch` for one block: from gradients for the tower's inputs to one for the picture.
 *
 * @param colour `[colourFrames, height, width, 3]`
 * @param motion as `VideoBatch.motion` has it for one block; null without motion
 * @returns `[count, height, width, 3]`, for pixels in 0..1
 */
export function pixelGradient(
  colour: Float32Array,
  motion: Float32Array | null,
  count: number,
  spec: FrontEnds['video'],
  motionSpec: MotionSpec | null,
): Float32Array {
  const size = spec.width * spec.height * 3;
  const out = new Float32Array(count * size);
  colour.forEach((value, i) => {
    const frame = Math.floor(i / size) * spec.colourEveryFrames;
    out[frame * size + (i % size)] = value / (spec.normalization.deviation[i % 3] as number);
  });
  if (motion && motionSpec) addMotionGradient(motion, count, spec.width, spec.height, motionSpec, out);
  return out;
}
