/**
 * What the onsets of a window say of its offset by themselves: those of the sound's spectral flux against those of the
 * motion's energy, at every shift that the head is asked about.
 *
 * @see Barzelay & Schechner 2007, "Harmony in motion"; Bello et al. 2005 for the spectral flux
 */
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import { PHASES, SOUND_BANDS } from '#model/synchronization/head-input';
import { type OnsetTrain, onsetCoincidence, onsetTrain } from '#model/synchronization/onset-coincidence';
import { shiftLimit } from '#model/synchronization/synchronization-head';

/** Of a cell's channels, how much it changes from frame to frame. */
const CHANGE_CHANNEL = 3;

/**
 * Log of how much likelier what begins together is than by chance, for each shift: the likelihood at the share of steps
 * that match, over that at the share which trains as dense but independent would match in. Below 0 where less matches.
 * Without the second, shifts at which little is left to begin would win.
 *
 * @param sound  `[2 * steps, 32]` of `soundSteps`
 * @param motion `[steps, 36, 7]` of `cellMotion`
 * @returns `[shifts]`, ascending, in steps of the sound; as many as the head tries, 0 on average
 */
export function windowCoincidence(sound: Float32Array, motion: Float32Array): Float64Array {
  const heard = onsetTrain(flux(sound));
  const seen = onsetTrain(motionEnergy(motion));
  const limit = shiftLimit(seen.length);
  const byPhase = Array.from({ length: PHASES }, (_, phase) => byVideoSteps(heard, phase, seen.length));
  const most = limit * PHASES;
  const out = Float64Array.from({ length: 2 * most + 1 }, (_, i) => {
    const shift = Math.floor((i - most) / PHASES);
    const phase = i - most - shift * PHASES;
    return aboveChance(byPhase[phase] as OnsetTrain, seen, shift);
  });
  const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
  return out.map((value) => value - mean);
}

/** Of the steps that the two trains share when step `t` of the sound meets step `t + shift` of the picture. */
function aboveChance(heard: OnsetTrain, seen: OnsetTrain, shift: number): number {
  const sound = heard.subarray(Math.max(0, -shift), Math.min(heard.length, seen.length - shift));
  const picture = seen.subarray(Math.max(0, shift), Math.max(0, shift) + sound.length);
  const { matchShare } = onsetCoincidence(sound, picture);
  const density = (train: OnsetTrain) => train.reduce((sum, onset) => sum + onset, 0) / train.length;
  const [a, v] = [density(sound), density(picture)];
  const chance = a * v + (1 - a) * (1 - v);
  const ratio = sound.length * (term(matchShare, chance) + term(1 - matchShare, 1 - chance));
  return matchShare >= chance ? ratio : -ratio;
}

/** `0 log 0 = 0` */
function term(share: number, chance: number): number {
  return share === 0 ? 0 : share * Math.log(share / chance);
}

/** How much has come in over all bands since the window began: its rises are the spectral flux. */
function flux(sound: Float32Array): Float32Array {
  const out = new Float32Array(sound.length / SOUND_BANDS);
  for (let step = 1; step < out.length; step++) {
    let rise = 0;
    for (let band = 0; band < SOUND_BANDS; band++) {
      const at = step * SOUND_BANDS + band;
      rise += Math.max(0, (sound[at] as number) - (sound[at - SOUND_BANDS] as number));
    }
    out[step] = (out[step - 1] as number) + rise / SOUND_BANDS;
  }
  return out;
}

/** Nothing is known of what moved before the window. */
function motionEnergy(motion: Float32Array): Float32Array {
  const stepSize = CELL_COUNT * CELL_CHANNELS;
  const out = new Float32Array(motion.length / stepSize);
  for (let step = 1; step < out.length; step++) {
    for (let i = CHANGE_CHANNEL; i < stepSize; i += CELL_CHANNELS)
      out[step] = (out[step] as number) + (motion[step * stepSize + i] as number) / CELL_COUNT;
  }
  if (out.length > 1) out[0] = out[1] as number;
  return out;
}

/** What begins in either of the sound steps that a video step meets, `phase` of them earlier than at no shift. */
function byVideoSteps(heard: OnsetTrain, phase: number, steps: number): OnsetTrain {
  return Uint8Array.from({ length: steps }, (_, step) => {
    const from = step * PHASES - phase;
    return heard.subarray(Math.max(0, from), from + PHASES).some((onset) => onset === 1) ? 1 : 0;
  });
}
