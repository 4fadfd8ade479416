/** The picture's motion cell by cell, from the frames that the guide is given. */
import { lumaFrames } from '../../front-ends/motion.ts';
import type { PixelBlock } from '../../front-ends/video-batch.ts';
import { cellMotion, LUMA_SIZE } from '../../synchronization/cell-motion.ts';

/** @returns `[count, 36, 7]`, see `cellMotion` */
export function cellsOf({ data, count }: PixelBlock, size: { width: number; height: number }): Float32Array {
  const luma = new Float32Array(count * LUMA_SIZE * LUMA_SIZE);
  lumaFrames(data, count, size, LUMA_SIZE, luma);
  return cellMotion(luma, count);
}
