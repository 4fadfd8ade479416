/** From what the guide saw to the query network's inputs, the same in training and in serving. */
import { SEPARATION_RATE_HZ, SEPARATION_STFT } from '../../front-ends/stft.ts';
import { appearanceWidth, motionWidth, type VisualQueryOptions } from './visual-query.ts';

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

/** Motion tokens and their clock: token i stands at `i / rateHz`, as the first sample stands at 0. */
export interface MotionTokens {
  /** `[tokens, stepWidth]` */
  data: Float32Array;
  rateHz: number;
}

/**
 * The tokens at the times of a window's steps, between their neighbours; before the first and after the last, those.
 *
 * @param startSec where the window begins, on the tokens' clock
 * @param out      receives `steps` times `[motionWidth]`, `stride` floats from one to the next
 */
export function writeMotionSteps(
  options: VisualQueryOptions,
  { data, rateHz }: MotionTokens,
  startSec: number,
  steps: number,
  out: Float32Array,
  outOffset: number,
  stride: number,
): void {
  const { stepWidth } = options;
  const last = data.length / stepWidth - 1;
  for (let step = 0; step < steps; step++) {
    const at = Math.min(last, Math.max(0, (startSec + stepSec(step)) * rateHz));
    const before = Math.floor(at) * stepWidth;
    const after = Math.min(last, Math.floor(at) + 1) * stepWidth;
    const part = at - Math.floor(at);
    const to = outOffset + step * stride;
    for (let i = 0; i < stepWidth; i++) {
      const a = data[before + i] as number;
      out[to + i] = a + part * ((data[after + i] as number) - a);
    }
    out[to + motionWidth(options) - 1] = 1;
  }
}

/** Middle of a block of two frames, in seconds from the window's start. */
function stepSec(step: number): number {
  return ((2 * step + 0.5) * SEPARATION_STFT.hopSamples) / SEPARATION_RATE_HZ;
}
