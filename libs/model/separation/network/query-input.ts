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
  for (let step = 0; step < stretch.steps; step++) {
    const at = outOffset + step * width;
    writeBetween(tokens.data, stepWidth, placeOf(tokens, stepWidth, stretch, step), 0, stepWidth, 1, out, at);
    out[at + stepWidth] = 1;
  }
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
  const width = CELL_COUNT * cellWidth;
  for (let step = 0; step < stretch.steps; step++) {
    const place = placeOf(tokens, width, stretch, step);
    for (let cell = 0; cell < CELL_COUNT; cell++) {
      const at = outOffset + (cell * stretch.steps + step) * cellWidth;
      writeBetween(tokens.data, width, place, cell * cellWidth, cellWidth, CELL_GAIN, out, at);
    }
  }
}

/** The token that a step stands at or after, and how far on the way to the next; before the first and after the last, those. */
function placeOf(
  { data, rateHz }: Tokens,
  width: number,
  { startSec }: Stretch,
  step: number,
): { token: number; part: number } {
  const last = data.length / width - 1;
  const at = Math.min(last, Math.max(0, (startSec + stepSec(step)) * rateHz));
  return { token: Math.floor(at), part: at - Math.floor(at) };
}

/** Numbers `first` to `first + count` of a token, on the way to the next one. @param data `[tokens, width]` */
function writeBetween(
  data: Float32Array,
  width: number,
  { token, part }: { token: number; part: number },
  first: number,
  count: number,
  gain: number,
  out: Float32Array,
  at: number,
): void {
  const before = token * width + first;
  const after = Math.min(data.length / width - 1, token + 1) * width + first;
  for (let i = 0; i < count; i++) {
    const a = data[before + i] as number;
    out[at + i] = (a + part * ((data[after + i] as number) - a)) * gain;
  }
}

/** Middle of a block of two frames, in seconds from the window's start. */
function stepSec(step: number): number {
  return ((2 * step + 0.5) * SEPARATION_STFT.hopSamples) / SEPARATION_RATE_HZ;
}
