/** Windows of sound and picture as the synchronisation head learns from them: all of one length, side by side. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import { CELL_CHANNELS, CELL_COUNT } from './cell-motion.ts';
import {
  CELL_INPUTS,
  motionInput,
  PHASES,
  type PlacedSound,
  SOUND_BANDS,
  SOUND_INPUTS,
  soundBetween,
  soundInput,
} from './head-input.ts';
import { isShared, sharedSteps } from './synchronization-head.ts';

/** Sound and picture of a window; either may begin before the other, and end after it. */
export interface SoundAndPicture extends PlacedSound {
  /** `[steps, 36, 7]` of `cellMotion` */
  motion: Float32Array;
}

export interface WindowBatch {
  /** `[batch, limit + steps + limit, 2, SOUND_INPUTS]`: from the largest shift before the picture to that after it. */
  sound: tfTypes.Tensor4D;
  /** `[batch, limit + steps + limit, 2, 1]`: 1 where there is sound. */
  present: tfTypes.Tensor4D;
  /** `[batch, steps, 36, CELL_INPUTS]` */
  motion: tfTypes.Tensor4D;
  /** `[batch, 1, shifts]`, shifts descending: what agreement is multiplied by, since more agrees where more is shared. */
  gains: tfTypes.Tensor3D;
  /** `[batch, shifts]`, shifts descending: far below 0 where too little is shared. */
  excluded: tfTypes.Tensor2D;
}

/** As near to never as single precision likes to add. */
const NEVER = -1e9;

/**
 * @param windows of pictures of one length; sound beyond the largest shift is not looked at
 * @param limit   largest shift, in video steps
 */
export function windowBatch(engine: Engine, windows: readonly SoundAndPicture[], limit: number): WindowBatch {
  const { tf } = engine;
  const batch = windows.length;
  const steps = (windows[0]?.motion.length ?? 0) / (CELL_COUNT * CELL_CHANNELS);
  const around = steps + 2 * limit;
  const most = limit * PHASES;
  const shifts = 2 * most + 1;
  const sound = new Float32Array(batch * around * PHASES * SOUND_INPUTS);
  const present = new Float32Array(batch * around * PHASES);
  const motion = new Float32Array(batch * steps * CELL_COUNT * CELL_INPUTS);
  const gains = new Float32Array(batch * shifts);
  const excluded = new Float32Array(batch * shifts);
  windows.forEach((window, i) => {
    const heard = soundBetween(window, -most, (steps + limit) * PHASES);
    const soundSteps = heard.sound.length / SOUND_BANDS;
    const at = i * around * PHASES + heard.soundStart + most;
    soundInput(heard.sound, sound, at * SOUND_INPUTS);
    present.fill(1, at, at + soundSteps);
    motionInput(window.motion, motion, i * steps * CELL_COUNT * CELL_INPUTS);
    const extent = { steps, soundStart: heard.soundStart, soundSteps };
    for (let j = 0; j < shifts; j++) {
      const shift = most - j;
      if (isShared(shift, extent)) gains[i * shifts + j] = 1 / Math.sqrt(sharedSteps(shift, extent));
      else excluded[i * shifts + j] = NEVER;
    }
  });
  return {
    sound: tf.tensor4d(sound, [batch, around, PHASES, SOUND_INPUTS]),
    present: tf.tensor4d(present, [batch, around, PHASES, 1]),
    motion: tf.tensor4d(motion, [batch, steps, CELL_COUNT, CELL_INPUTS]),
    gains: tf.tensor3d(gains, [batch, 1, shifts]),
    excluded: tf.tensor2d(excluded, [batch, shifts]),
  };
}
