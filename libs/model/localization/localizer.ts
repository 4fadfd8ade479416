/**
 * Where a sound comes from, in one segment: from the head's logits to maps on an absolute scale, with one confidence
 * and one verdict. Nothing is stretched to the clip's own range: the same value means the same thing in every clip.
 */
import { plattProbability } from '../calibration/platt.ts';
import type { LocalizationCalibration } from '../checkpoint/manifest.ts';
import type { LocalizationInput } from './localization-input.ts';

/** Runs trunk and head. */
export interface Localizer {
  /**
   * @param audio `[dimension]`: the sound asked about
   * @returns logits `[count, side, side]`
   */
  logits(input: LocalizationInput, audio: Float32Array): Promise<Float32Array>;
  dispose(): void;
}

export interface SegmentLocalization {
  /** Cells along each side of a map. */
  side: number;
  /** One for each frame, `[side * side]`: that the sound comes from there, 0..1. */
  maps: Float32Array[];
  /** That something in the picture sounds, 0..1. */
  confidence: number;
}

/** Of a map's cells, the part with the highest logits speaks for the frame: small objects count as large ones do. */
const SPEAKING_PART = 0.04;
/** Below this mean amplitude (-70 dB of full scale) there is nothing to be localized. */
const SILENCE_RMS = 10 ** (-70 / 20);

/**
 * How much speaks for a source in the picture: of each frame the mean of its highest logits, averaged over the frames.
 *
 * @param logits `[frames, cells]`
 */
export function soundingEvidence(logits: Float32Array, cells: number): number {
  const speaking = Math.max(1, Math.round(cells * SPEAKING_PART));
  let sum = 0;
  for (let at = 0; at < logits.length; at += cells) {
    const highest = logits
      .slice(at, at + cells)
      .sort()
      .subarray(cells - speaking);
    sum += highest.reduce((total, value) => total + value, 0) / speaking;
  }
  return sum / (logits.length / cells);
}

/**
 * @param logits  `[frames, side, side]`
 * @param samples what is heard in the segment; silence comes from nowhere
 */
export function segmentLocalization(
  logits: Float32Array,
  side: number,
  samples: Float32Array,
  calibration: LocalizationCalibration,
): SegmentLocalization {
  const cells = side * side;
  const silent = isSilent(samples);
  const probabilities = logits.map((logit) => (silent ? 0 : plattProbability(calibration.map, logit)));
  return {
    side,
    maps: Array.from({ length: logits.length / cells }, (_, i) =>
      probabilities.slice(i * cells, (i + 1) * cells),
    ),
    confidence: silent ? 0 : plattProbability(calibration.confidence, soundingEvidence(logits, cells)),
  };
}

/** Whether there is nothing to be localized at all. */
export function isSilent(samples: Float32Array): boolean {
  const squares = samples.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares / Math.max(1, samples.length)) < SILENCE_RMS;
}
