/**
 * Which parts of the picture move when something is heard: for each cell of a grid, how much it moves, and how its
 * movement goes along with the sound's loudness and onsets. What looks alike can be told apart by this alone: of two
 * guitars, the one whose strings are struck on the beat.
 *
 * @see Hershey & Movellan 2000, "Audio vision: using audio-visual synchrony to locate sounds"
 */
import { lumaFrame } from '../front-ends/motion.ts';

/** The grid has so many cells along each side for each 96 pixels of the frame. */
export const CELL_PIXELS = 4;

/** Channels of a cell, see `motionEvidence`. */
export const EVIDENCE_CHANNELS = 9;

/** Movement is lifted to the range of the other channels. */
const MOVEMENT_GAIN = 40;
/** Movement that is not told from noise, in parts of full scale; correlations of less fade out. */
const NOISE_MOVEMENT = 0.004;
/** The same of loudness and onsets, in deviations of the log-mel. */
const NOISE_SOUND = 0.05;
/** Steps before and after a frame that count as its own time. */
const NEAR_STEPS = 2;

/** Loudness and onsets of a segment at the rate of its frames. */
export interface SoundCourse {
  /** `[steps]`: mean of the normalised log-mel. */
  level: Float32Array;
  /** `[steps]`: mean rise of the normalised log-mel within two of its frames. */
  onset: Float32Array;
}

/**
 * @param logMel        `[frames, bands]`, normalised
 * @param framesPerStep of the log-mel, for each frame of the picture
 * @param steps         frames of the picture
 */
export function soundCourse(
  logMel: Float32Array,
  bands: number,
  framesPerStep: number,
  steps: number,
): SoundCourse {
  const frames = logMel.length / bands;
  const level = new Float32Array(steps);
  const onset = new Float32Array(steps);
  for (let step = 0; step < steps; step++) {
    const from = Math.min(frames - 1, Math.floor(step * framesPerStep));
    const to = Math.min(frames, Math.max(from + 1, Math.floor((step + 1) * framesPerStep)));
    let sum = 0;
    let rise = 0;
    for (let frame = from; frame < to; frame++) {
      const earlier = Math.max(0, frame - 2);
      for (let band = 0; band < bands; band++) {
        const value = logMel[frame * bands + band] as number;
        sum += value;
        rise += Math.max(0, value - (logMel[earlier * bands + band] as number));
      }
    }
    level[step] = sum / ((to - from) * bands);
    onset[step] = rise / ((to - from) * bands);
  }
  return { level, onset };
}

/**
 * How much each cell moves between neighbouring frames.
 *
 * @param luma `[count, 2 * side, 2 * side]`, 0..1
 * @returns `[count, side * side]`: mean absolute change; 0 in the first frame
 */
export function cellMovement(luma: Float32Array, count: number, side: number): Float32Array {
  const width = 2 * side;
  const movement = new Float32Array(count * side * side);
  for (let frame = 1; frame < count; frame++) {
    const at = frame * width * width;
    for (let i = 0; i < width * width; i++) {
      const change = Math.abs((luma[at + i] as number) - (luma[at - width * width + i] as number));
      const cell = (Math.floor(i / width) >> 1) * side + ((i % width) >> 1);
      const target = frame * side * side + cell;
      movement[target] = (movement[target] as number) + change / 4;
    }
  }
  return movement;
}

/** `cellMovement` of RGB frames `[count, height, width, 3]`: bytes, or floats in 0..1. */
export function movementOfFrames(
  rgb: Uint8Array | Float32Array,
  count: number,
  size: number,
  side: number,
): Float32Array {
  const pixels = 4 * side * side;
  const luma = new Float32Array(count * pixels);
  for (let i = 0; i < count; i++) lumaFrame(rgb, i * size * size * 3, size, size, 2 * side, luma, i * pixels);
  return cellMovement(luma, count, side);
}

/**
 * What is known of each cell from movement and sound. Channels: mean movement of the segment, its deviation, movement
 * near the frame; covariance with the onsets, with the picture one step late and one step early; covariance with
 * loudness, and of both smoothed; the sound's own mean level. Covariances are divided by both deviations, noise added.
 *
 * @param movement `[count, cells]`, as `cellMovement` gives it
 * @param frames   of which frames to answer
 * @returns `[frames, cells, EVIDENCE_CHANNELS]`
 */
export function motionEvidence(
  movement: Float32Array,
  count: number,
  sound: SoundCourse,
  frames: readonly number[],
): Float32Array {
  const cells = movement.length / count;
  const steady = steadyEvidence(movement, count, sound);
  const out = new Float32Array(frames.length * cells * EVIDENCE_CHANNELS);
  frames.forEach((frame, i) => {
    out.set(steady, i * steady.length);
    const from = Math.max(1, frame - NEAR_STEPS);
    const to = Math.min(count - 1, frame + NEAR_STEPS);
    for (let cell = 0; cell < cells; cell++) {
      let sum = 0;
      for (let step = from; step <= to; step++) sum += movement[step * cells + cell] as number;
      const mean = to < from ? 0 : sum / (to - from + 1);
      out[(i * cells + cell) * EVIDENCE_CHANNELS + 2] = lifted(mean);
    }
  });
  return out;
}

/** What does not depend on the frame, `[cells, EVIDENCE_CHANNELS]`. */
function steadyEvidence(movement: Float32Array, count: number, sound: SoundCourse): Float32Array {
  const cells = movement.length / count;
  const out = new Float32Array(cells * EVIDENCE_CHANNELS);
  const meanLevel = sound.level.reduce((sum, value) => sum + value, 0) / Math.max(1, sound.level.length);
  const onset = centred(sound.onset.subarray(1));
  const level = centred(sound.level.subarray(1));
  const smoothLevel = centred(smoothed(sound.level.subarray(1)));
  const course = new Float32Array(Math.max(0, count - 1));
  for (let cell = 0; cell < cells; cell++) {
    for (let step = 1; step < count; step++) course[step - 1] = movement[step * cells + cell] as number;
    const own = centred(course);
    const smooth = centred(smoothed(course));
    out.set(
      [
        lifted(own.mean),
        lifted(own.deviation),
        0,
        together(own, onset, 0),
        together(own, onset, 1),
        together(own, onset, -1),
        together(own, level, 0),
        together(smooth, smoothLevel, 0),
        meanLevel,
      ],
      cell * EVIDENCE_CHANNELS,
    );
  }
  return out;
}

interface Course {
  /** Without its mean. */
  values: Float32Array;
  mean: number;
  deviation: number;
}

function centred(values: Float32Array): Course {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const rest = values.map((value) => value - mean);
  const squares = rest.reduce((sum, value) => sum + value * value, 0);
  return { values: rest, mean, deviation: Math.sqrt(squares / Math.max(1, values.length)) };
}

/** Mean of each value and its two neighbours. */
function smoothed(values: Float32Array): Float32Array {
  return values.map((value, i) => {
    const before = values[i - 1] ?? value;
    const after = values[i + 1] ?? value;
    return (before + value + after) / 3;
  });
}

/** Covariance over both deviations; `lag`: by how many steps the movement comes later. */
function together(movement: Course, sound: Course, lag: number): number {
  const steps = Math.min(movement.values.length, sound.values.length);
  let sum = 0;
  for (let step = Math.max(0, -lag); step < Math.min(steps, steps - lag); step++)
    sum += (movement.values[step + lag] as number) * (sound.values[step] as number);
  const scale = (movement.deviation + NOISE_MOVEMENT) * (sound.deviation + NOISE_SOUND);
  return sum / (Math.max(1, steps) * scale);
}

function lifted(movement: number): number {
  return Math.log1p(MOVEMENT_GAIN * movement);
}
