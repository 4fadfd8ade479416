/** The tracks that make the drawn object move: loudness and pitch at the control rate. */

import { CONTROL_RATE_HZ, PERFORMANCE_RATE_HZ, type SoundEvent } from '../performance.ts';

const HOP = PERFORMANCE_RATE_HZ / CONTROL_RATE_HZ;
/** Root mean square is taken over this many samples around the middle of each step. */
const WINDOW = 400;
/** This far below the clip's loudest step, loudness is 0. */
const FLOOR_DB = 50;

/** How many control steps a clip has. */
function controlSteps(durationSec: number): number {
  return Math.round(durationSec * CONTROL_RATE_HZ);
}

/** Short-time loudness: 1 at the clip's loudest step, 0 from 50 dB below it; `[durationSec * CONTROL_RATE_HZ]`. */
export function loudnessTrack(samples: Float32Array, durationSec: number): Float32Array {
  const power = new Float32Array(controlSteps(durationSec));
  let loudest = 1e-12;
  for (let i = 0; i < power.length; i++) {
    const from = Math.max(0, Math.round((i + 0.5) * HOP - WINDOW / 2));
    const to = Math.min(samples.length, from + WINDOW);
    let sum = 0;
    for (let k = from; k < to; k++) sum += (samples[k] as number) ** 2;
    power[i] = sum / WINDOW;
    loudest = Math.max(loudest, power[i] as number);
  }
  return power.map((value) => Math.max(0, 1 + (10 * Math.log10((value + 1e-20) / loudest)) / FLOOR_DB));
}

/** Pitch of whichever pitched event sounds, the later one where several do; 0 between events. */
export function pitchTrack(events: readonly SoundEvent[], durationSec: number): Float32Array {
  const track = new Float32Array(controlSteps(durationSec));
  for (const event of events) {
    if (event.pitchMidi === null) continue;
    const from = Math.round(event.startSec * CONTROL_RATE_HZ);
    const to = Math.min(track.length, Math.max(from + 1, Math.round(event.endSec * CONTROL_RATE_HZ)));
    track.fill(event.pitchMidi, from, to);
  }
  return track;
}
