/** The picture's motion cell by cell, from the frames that the guide is given. */
import { lumaFrame } from '../../front-ends/motion.ts';
import type { PixelBlock } from '../../front-ends/video-batch.ts';
import { cellMotion, LUMA_SIZE } from '../../synchronization/cell-motion.ts';

/** @returns `[count, 36, 7]`, see `cellMotion` */
export function cellsOf(
  { data, count }: PixelBlock,
  { width, height }: { width: number; height: number },
): Float32Array {
  const luma = new Float32Array(count * LUMA_SIZE * LUMA_SIZE);
  for (let i = 0; i < count; i++) {
    lumaFrame(data, i * width * height * 3, width, height, LUMA_SIZE, luma, i * LUMA_SIZE * LUMA_SIZE);
  }
  return cellMotion(luma, count);
}
