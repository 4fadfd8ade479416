/**
 * Log-frequency spectrograms laid out in blocks of 2 x 2 points (space to depth): the network works at half the
 * resolution and yet answers a mask for every point, without one convolution at the full one.
 *
 * @see Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
 *   neural network"
 */
import { LOG_FREQUENCY_BINS } from '../../front-ends/log-frequency.ts';

const SIDE = 2;
/** Points of a block: first the earlier frame's lower and upper row, then the later frame's. */
export const BLOCK_POINTS = SIDE * SIDE;
/** Blocks over the log-frequency axis. */
export const BLOCK_ROWS = LOG_FREQUENCY_BINS / SIDE;

/** Blocks over time. */
export function blockSteps(frames: number): number {
  return frames / SIDE;
}

/**
 * @param rows `[frames, 256]`, an even number of frames
 * @param out  receives `[frames / 2, 128, 4]`
 */
export function toBlocks(rows: Float32Array, frames: number, out: Float32Array, outOffset: number): void {
  for (let frame = 0; frame < frames; frame++) {
    const step = outOffset + (frame >> 1) * BLOCK_ROWS * BLOCK_POINTS + (frame & 1) * SIDE;
    const at = frame * LOG_FREQUENCY_BINS;
    for (let row = 0; row < LOG_FREQUENCY_BINS; row++) {
      out[step + (row >> 1) * BLOCK_POINTS + (row & 1)] = rows[at + row] as number;
    }
  }
}

/**
 * @param blocks `[frames / 2, 128, 4]`
 * @returns `[frames, 256]`
 */
export function fromBlocks(blocks: Float32Array, frames: number): Float32Array {
  const rows = new Float32Array(frames * LOG_FREQUENCY_BINS);
  for (let frame = 0; frame < frames; frame++) {
    const step = (frame >> 1) * BLOCK_ROWS * BLOCK_POINTS + (frame & 1) * SIDE;
    const at = frame * LOG_FREQUENCY_BINS;
    for (let row = 0; row < LOG_FREQUENCY_BINS; row++) {
      rows[at + row] = blocks[step + (row >> 1) * BLOCK_POINTS + (row & 1)] as number;
    }
  }
  return rows;
}
