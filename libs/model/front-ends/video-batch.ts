/** From decoded frames to the video tower's input arrays, as the model's front end describes it. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import {
  addMotionGradient,
  lumaFrames,
  MOTION_CHANNELS,
  type MotionSpec,
  motionBlocks,
  motionFromLuma,
} from './motion.ts';

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
  /** What motion was made of, `[blocks * count, size, size]`, 0..1; empty without motion. */
  luma: Float32Array;
}

/**
 * @param blocks at least one, all of the same number of frames
 * @param memory an earlier batch that is no longer needed: its arrays are written over where they are of the right size
 */
export function videoBatch(
  blocks: readonly PixelBlock[],
  spec: FrontEnds['video'],
  motion: MotionSpec | null,
  memory: VideoBatch | null = null,
): VideoBatch {
  const count = blocks[0]?.count ?? 0;
  const every = spec.colourEveryFrames;
  const colourCount = Math.ceil(count / every);
  const size = spec.width * spec.height * 3;
  const frames = arrayOf(blocks.length * colourCount * size, memory?.frames);
  const tables = normalizationTables(spec);
  blocks.forEach(({ data }, i) => {
    for (let frame = 0; frame < colourCount; frame++) {
      normaliseFrame(data, frame * every * size, spec, tables, frames, (i * colourCount + frame) * size);
    }
  });
  const times = (perBlock: number, stepSec: number) =>
    Float32Array.from({ length: blocks.length * perBlock }, (_, i) => (i % perBlock) * stepSec);
  const frameTimesSec = times(colourCount, every / spec.rateHz);
  const none = new Float32Array(0);
  if (!motion) return { frames, frameTimesSec, motion: null, motionTimesSec: none, luma: none };
  const lumaFloats = count * motion.size ** 2;
  const luma = arrayOf(blocks.length * lumaFloats, memory?.luma);
  blocks.forEach((block, i) => {
    lumaFrames(block.data, count, spec, motion.size, luma, i * lumaFloats);
  });
  const moving = motionOf(luma, blocks.length, spec, motion, memory?.motion?.data);
  return { frames, frameTimesSec, ...moving, luma };
}

/**
 * @param luma   `[blocks * count, size, size]`, 0..1
 * @param memory an array to write over, where it is of the right size
 */
export function motionOf(
  luma: Float32Array,
  blocks: number,
  { rateHz }: { rateHz: number },
  motion: MotionSpec,
  memory?: Float32Array,
): Pick<VideoBatch, 'motion' | 'motionTimesSec'> {
  const count = luma.length / blocks / motion.size ** 2;
  const side = motionBlocks(motion);
  const blockFloats = count * side * side * MOTION_CHANNELS;
  const data = arrayOf(blocks * blockFloats, memory);
  for (let i = 0; i < blocks; i++)
    motionFromLuma(luma.subarray(i * count * motion.size ** 2), count, motion.size, data, i * blockFloats);
  return {
    motion: { data, shape: [blocks * count, side, side, MOTION_CHANNELS] },
    motionTimesSec: Float32Array.from({ length: blocks * count }, (_, i) => (i % count) * (1 / rateHz)),
  };
}

function arrayOf(length: number, memory: Float32Array | undefined): Float32Array {
  return memory?.length === length ? memory : new Float32Array(length);
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
  const tables = normalizationTables(spec);
  chosen.forEach((frame, i) => {
    normaliseFrame(data, frame * size, spec, tables, out, i * size);
  });
  return out;
}

/** Of red, green and blue: 256 possible values a channel, for which a table is faster than arithmetic on every pixel. */
type NormalizationTables = readonly [Float32Array, Float32Array, Float32Array];

function normalizationTables({
  normalization: { mean, deviation },
}: FrontEnds['video']): NormalizationTables {
  return [0, 1, 2].map((channel) =>
    Float32Array.from(
      { length: 256 },
      (_, value) => (value / 255 - (mean[channel] as number)) / (deviation[channel] as number),
    ),
  ) as [Float32Array, Float32Array, Float32Array];
}

/** One frame, from `from` on in `data` to `at` on in `out`. */
function normaliseFrame(
  data: Uint8Array | Float32Array,
  from: number,
  { width, height, normalization: { mean, deviation } }: FrontEnds['video'],
  [red, green, blue]: NormalizationTables,
  out: Float32Array,
  at: number,
): void {
  const size = width * height * 3;
  if (data instanceof Float32Array) {
    for (let channel = 0; channel < 3; channel++) {
      const middle = mean[channel] as number;
      const scale = 1 / (deviation[channel] as number);
      for (let i = channel; i < size; i += 3) out[at + i] = ((data[from + i] as number) - middle) * scale;
    }
    return;
  }
  for (let i = 0; i < size; i += 3) {
    out[at + i] = red[data[from + i] as number] as number;
    out[at + i + 1] = green[data[from + i + 1] as number] as number;
    out[at + i + 2] = blue[data[from + i + 2] as number] as number;
  }
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
