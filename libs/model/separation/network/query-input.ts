/** From what the guide saw to the query network's inputs, the same in training and in serving. */
import { SEPARATION_RATE_HZ, SEPARATION_STFT } from '../../front-ends/stft.ts';
import { CELL_COUNT } from '../../synchronization/cell-motion.ts';
import { appearanceWidth, type VisualQueryOptions } from './visual-query.ts';

/** Unit vectors have small elements; these bring them to about unit variance. */
const POSITION_GAIN = 8;
const EMBEDDING_GAIN = 16;

/**
 * @param positions `[positionWidth]`, the largest value of each feature over what is asked for
 * @param embedding `[embeddingWidth]`; null: a position alone
 * @param out       receives `[appearanceWidth]`
 */
export function writeAppearance(
  options: VisualQueryOptions,
  positions: Float32Array,
  embedding: Float32Array | null,
  out: Float32Array,
  outOffset: number,
): void {
  const { positionWidth, embeddingWidth } = options;
  for (let i = 0; i < positionWidth; i++) out[outOffset + i] = (positions[i] as number) * POSITION_GAIN;
  if (!embedding) return;
  for (let i = 0; i < embeddingWidth; i++) {
    out[outOffset + positionWidth + i] = (embedding[i] as number) * EMBEDDING_GAIN;
  }
  out[outOffset + appearanceWidth(options) - 1] = 1;
}

/** Tokens and their clock: token i stands at `i / rateHz`, as the first sample stands at 0. */
export interface Tokens {
  /** `[tokens, width]`, or of cells `[tokens, 36, width]` */
  data: Float32Array;
  rateHz: number;
}

/** A stretch of the audio network's steps, and where it begins on the tokens' clock. */
export interface Stretch {
  startSec: number;
  steps: number;
}

/**
 * The motion tokens at the times of a window's steps.
 *
 * @param out receives `[steps, stepWidth + 1]`
 */
export function writeMotionSteps(
  tokens: Tokens,
  stepWidth: number,
  stretch: Stretch,
  out: Float32Array,
  outOffset: number,
): void {
  const width = stepWidth + 1;
  between(tokens, stepWidth, stretch, (step, i, value) => {
    out[outOffset + step * width + i] = value;
  });
  for (let step = 0; step < stretch.steps; step++) out[outOffset + step * width + stepWidth] = 1;
}

/** Tokens of cells that move deviate by 0.1 to 0.3; this brings them to about one. */
const CELL_GAIN = 6;

/**
 * The tokens of all cells at the times of a window's steps.
 *
 * @param out receives `[36, steps, cellWidth]`
 */
export function writeCellSteps(
  tokens: Tokens,
  cellWidth: number,
  stretch: Stretch,
  out: Float32Array,
  outOffset: number,
): void {
  between(tokens, CELL_COUNT * cellWidth, stretch, (step, i, value) => {
    const cell = Math.floor(i / cellWidth);
    out[outOffset + (cell * stretch.steps + step) * cellWidth + (i % cellWidth)] = value * CELL_GAIN;
  });
}

/** Between its neighbours in time; before the first and after the last, those. */
function between(
  { data, rateHz }: Tokens,
  width: number,
  { startSec, steps }: Stretch,
  write: (step: number, i: number, value: number) => void,
): void {
  const last = data.length / width - 1;
  for (let step = 0; step < steps; step++) {
    const at = Math.min(last, Math.max(0, (startSec + stepSec(step)) * rateHz));
    const before = Math.floor(at) * width;
    const after = Math.min(last, Math.floor(at) + 1) * width;
    const part = at - Math.floor(at);
    for (let i = 0; i < width; i++) {
      const a = data[before + i] as number;
      write(step, i, a + part * ((data[after + i] as number) - a));
    }
  }
}

/** Middle of a block of two frames, in seconds from the window's start. */
function stepSec(step: number): number {
  return ((2 * step + 0.5) * SEPARATION_STFT.hopSamples) / SEPARATION_RATE_HZ;
}
