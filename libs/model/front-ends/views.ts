/**
 * How an embedding looks at a segment's picture. Towers that learned from crops know things as large as they are in
 * crops; whole pictures show them smaller, and a crop of the middle brings them back to that size (Touvron et al. 2019,
 * "Fixing the train-test resolution discrepancy"). Seen mirrored as well, what is meant counts and not which way it
 * faces (Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", section 4.1).
 */
import { joined } from '#core/joined';
import type { FrontEnds } from '../checkpoint/manifest.ts';
import { centreCrop, centreCropTransposed, centreLuma, mirrored } from './centre-crop.ts';
import type { MotionSpec } from './motion.ts';
import { motionOf, type PixelBlock, pixelGradient, type VideoBatch, videoBatch } from './video-batch.ts';

type VideoSpec = FrontEnds['video'];
type Views = NonNullable<VideoSpec['views']>;

/** Rows of a batch for each block. */
export function viewCount({ views }: VideoSpec): number {
  return views?.mirrored ? 2 : 1;
}

/**
 * The input of the video tower for an embedding: all blocks once, then, where the front end says so, all mirrored.
 *
 * @param blocks at least one, all of the same number of frames
 */
export function viewedBatch(
  blocks: readonly PixelBlock[],
  spec: VideoSpec,
  motion: MotionSpec | null,
): VideoBatch {
  const { views } = spec;
  if (!views) return videoBatch(blocks, spec, motion);
  const { centrePart, colourEveryFrames } = views;
  const shown = blocks.map((block) => centreCrop(block, spec, centrePart, colourEveryFrames));
  const inStep = { ...spec, rateHz: spec.rateHz / colourEveryFrames, colourEveryFrames: 1 };
  const { frames, frameTimesSec } = videoBatch(shown, inStep, null);
  const colour = {
    frames: inViews(views, frames, (once) => mirrored(once, spec.width, 3)),
    frameTimesSec: inViews(views, frameTimesSec, (once) => once),
  };
  const none = new Float32Array(0);
  if (!motion) return { ...colour, motion: null, motionTimesSec: none, luma: none };
  const middle = joined(blocks.map((block) => centreLuma(block, spec, motion.size, centrePart)));
  const luma = inViews(views, middle, (once) => mirrored(once, motion.size, 1));
  return { ...colour, ...motionOf(luma, blocks.length * viewCount(spec), spec, motion), luma };
}

/** All rows, then, where they are looked at mirrored as well, what that makes of them. */
function inViews(
  views: Views,
  once: Float32Array,
  other: (once: Float32Array) => Float32Array,
): Float32Array {
  return views.mirrored ? joined([once, other(once)]) : once;
}

/**
 * Direction of the mean over the views of each block.
 *
 * @param rows `[views * blocks, dimension]`, unit length
 * @returns `[blocks, dimension]`, unit length
 */
export function meanOfViews(rows: Float32Array, views: number, dimension: number): Float32Array {
  if (views === 1) return rows;
  const size = rows.length / views;
  const mean = Float32Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let view = 0; view < views; view++) sum += rows[view * size + i] as number;
    return sum / views;
  });
  for (let start = 0; start < size; start += dimension) {
    const row = mean.subarray(start, start + dimension);
    const length = Math.hypot(...row) || 1;
    row.forEach((value, i) => {
      row[i] = value / length;
    });
  }
  return mean;
}

/**
 * The transpose of `viewedBatch`: from gradients for the tower's inputs to one for each block's picture.
 *
 * @param colour `[views * blocks, colourFrames, height, width, 3]`
 * @param motion as `VideoBatch.motion` has it; null without motion
 * @param block  which of the blocks
 * @returns `[count, height, width, 3]`, for pixels in 0..1
 */
export function viewedPixelGradient(
  { colour, motion }: { colour: Float32Array; motion: Float32Array | null },
  { block, blocks, count }: { block: number; blocks: number; count: number },
  spec: VideoSpec,
  motionSpec: MotionSpec | null,
): Float32Array {
  const { views } = spec;
  const rows = blocks * viewCount(spec);
  const seen = { ...spec, colourEveryFrames: views?.colourEveryFrames ?? spec.colourEveryFrames };
  const gradientOf = (row: number) => {
    const part = (all: Float32Array) =>
      all.subarray((row * all.length) / rows, ((row + 1) * all.length) / rows);
    return pixelGradient(part(colour), motion && part(motion), count, seen, motionSpec);
  };
  const gradient = gradientOf(block);
  if (!views) return gradient;
  if (views.mirrored) {
    const other = mirrored(gradientOf(blocks + block), spec.width, 3);
    for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] as number) + (other[i] as number);
  }
  return centreCropTransposed(gradient, spec, views.centrePart);
}
