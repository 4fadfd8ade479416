/**
 * What moves: small luma frames beside their change since the frame before. A tower that samples a few colour frames
 * a second cannot see a strike or a bark happen; these cost a hundredth and come at every step.
 */

export interface MotionSpec {
  /** Side of the square luma frames, even: the colour frame's, divided by a whole number. */
  size: number;
}

/**
 * A motion frame is laid out in blocks of 2 x 2 pixels (space to depth), so that the first convolution may stride over
 * them without losing any: `[size / 2, size / 2, 8]`, for each pixel of the block its luma, then its change.
 */
const BLOCK = 2;
export const MOTION_CHANNELS = 2 * BLOCK * BLOCK;

/** `[height, width]` of a motion frame's blocks. */
export function motionBlocks({ size }: MotionSpec): number {
  return size / BLOCK;
}

/** Changes are small beside luma; at this gain both have about the same spread on moving pictures. */
const CHANGE_GAIN = 12;
const LUMA_MEAN = 0.45;
const LUMA_DEVIATION = 0.25;

/** ITU-R BT.601, in thousandths. */
const LUMA_WEIGHTS = [299, 587, 114] as const;

/** Luma of RGB (bytes, or floats in 0..1), averaged over blocks down to `size * size`, in 0..1. */
export function lumaFrame(
  rgb: Uint8Array | Float32Array,
  offset: number,
  width: number,
  height: number,
  size: number,
  out: Float32Array,
  outOffset: number,
): void {
  const blockWidth = width / size;
  const blockHeight = height / size;
  const fullScale = rgb instanceof Float32Array ? 1 : 255;
  const scale = 1 / (fullScale * 1000 * blockWidth * blockHeight);
  const sums = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    sums.fill(0);
    for (let y = row * blockHeight; y < (row + 1) * blockHeight; y++)
      addLumaLine(rgb, offset + y * width * 3, blockWidth, sums);
    for (let column = 0; column < size; column++)
      out[outOffset + row * size + column] = (sums[column] as number) * scale;
  }
}

/** Adds a line of pixels, in thousandths, to the sums of the blocks that it crosses. */
function addLumaLine(
  rgb: Uint8Array | Float32Array,
  offset: number,
  blockWidth: number,
  sums: Float64Array,
): void {
  const [red, green, blue] = LUMA_WEIGHTS;
  for (let column = 0, at = offset; column < sums.length; column++) {
    let sum = sums[column] as number;
    for (let x = 0; x < blockWidth; x++, at += 3)
      sum += red * (rgb[at] as number) + green * (rgb[at + 1] as number) + blue * (rgb[at + 2] as number);
    sums[column] = sum;
  }
}

/** Luma of RGB pixels one after another, each times `scale`. */
export function lumaPixels(
  rgb: Uint8Array | Float32Array,
  offset: number,
  count: number,
  scale: number,
  out: Float32Array,
): void {
  const [red, green, blue] = LUMA_WEIGHTS;
  const thousandth = scale / 1000;
  for (let i = 0, at = offset; i < count; i++, at += 3)
    out[i] =
      thousandth *
      (red * (rgb[at] as number) + green * (rgb[at + 1] as number) + blue * (rgb[at + 2] as number));
}

/** Where pixel `i`, counted row by row, lies once blocks are laid one after another. */
function placeInBlocks(i: number, size: number): number {
  const y = Math.floor(i / size);
  const x = i % size;
  return ((y >> 1) * (size / BLOCK) + (x >> 1)) * BLOCK * BLOCK + (y & 1) * BLOCK + (x & 1);
}

/**
 * Motion frames from luma frames.
 *
 * @param luma  `[count, size, size]`, 0..1, in order of time; the first has no change
 * @param out   receives `[count, size / 2, size / 2, 8]`
 */
export function motionFromLuma(
  luma: Float32Array,
  count: number,
  size: number,
  out: Float32Array,
  outOffset: number,
): void {
  const pixels = size * size;
  const blocks = size / BLOCK;
  for (let frame = 0; frame < count; frame++) {
    const at = frame * pixels;
    const before = frame === 0 ? at : at - pixels;
    let i = 0;
    for (let y = 0; y < size; y++) {
      const rowTarget = outOffset + 2 * (at + (y >> 1) * blocks * BLOCK * BLOCK + (y & 1) * BLOCK);
      for (let x = 0; x < size; x++, i++) {
        const value = luma[at + i] as number;
        const target = rowTarget + 2 * ((x >> 1) * BLOCK * BLOCK + (x & 1));
        out[target] = (value - LUMA_MEAN) / LUMA_DEVIATION;
        out[target + 1] = (value - (luma[before + i] as number)) * CHANGE_GAIN;
      }
    }
  }
}

/**
 * Luma of a segment's RGB.
 *
 * @param frames `[count, height, width, 3]`: bytes, or floats in 0..1
 * @param out    receives `[count, size, size]`, 0..1
 */
export function lumaFrames(
  frames: Uint8Array | Float32Array,
  count: number,
  { width, height }: { width: number; height: number },
  size: number,
  out: Float32Array,
  outOffset = 0,
): void {
  for (let i = 0; i < count; i++)
    lumaFrame(frames, i * width * height * 3, width, height, size, out, outOffset + i * size * size);
}

/**
 * Motion frames of a segment's RGB.
 *
 * @param frames `[count, height, width, 3]`: bytes, or floats in 0..1
 * @param out    receives `[count, size / 2, size / 2, 8]`
 */
export function motionFrames(
  frames: Uint8Array | Float32Array,
  count: number,
  width: number,
  height: number,
  { size }: MotionSpec,
  out: Float32Array,
  outOffset: number,
): void {
  const luma = new Float32Array(count * size * size);
  lumaFrames(frames, count, { width, height }, size, luma);
  motionFromLuma(luma, count, size, out, outOffset);
}

/**
 * The transpose of `motionFrames`: from a gradient for the motion frames to one for the picture.
 *
 * @param gradient `[count, size / 2, size / 2, 8]`
 * @param out      `[count, height, width, 3]`, for pixels in 0..1; the gradient is added to what is there
 */
export function addMotionGradient(
  gradient: Float32Array,
  count: number,
  width: number,
  height: number,
  { size }: MotionSpec,
  out: Float32Array,
): void {
  const pixels = size * size;
  const luma = new Float64Array(count * pixels);
  for (let frame = 0; frame < count; frame++) {
    const at = frame * pixels;
    const before = frame === 0 ? at : at - pixels;
    for (let i = 0; i < pixels; i++) {
      const source = 2 * (at + placeInBlocks(i, size));
      const change = (gradient[source + 1] as number) * CHANGE_GAIN;
      luma[at + i] = (luma[at + i] as number) + (gradient[source] as number) / LUMA_DEVIATION + change;
      luma[before + i] = (luma[before + i] as number) - change;
    }
  }
  const blockWidth = width / size;
  const blockHeight = height / size;
  const shares = LUMA_WEIGHTS.map((weight) => weight / (1000 * blockWidth * blockHeight));
  for (let i = 0; i < out.length; i++) {
    const pixel = Math.floor(i / 3);
    const column = Math.floor((pixel % width) / blockWidth);
    const line = Math.floor(pixel / width);
    const row = Math.floor((line % height) / blockHeight);
    const block = Math.floor(line / height) * pixels + row * size + column;
    out[i] = (out[i] as number) + (luma[block] as number) * (shares[i % 3] as number);
  }
}
