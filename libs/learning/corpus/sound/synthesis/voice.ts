/** What every synthesised class answers, and the drawing of levels that they share. */

import type { SeededRandom } from '#core/random';
import type { RecordingUse, SoundEvent } from '../../performance.ts';

export interface SynthesisRequest {
  durationSec: number;
  /** Where the first event starts, exactly. */
  leadSec: number;
  /** Names the timbre; `random` is seeded with it. */
  variant: number;
  /** Draws one of the kinds of timbre that are kept for the split of unseen objects, where the class has any. */
  unseen: boolean;
  random: SeededRandom;
}

export interface SynthesisedSound {
  timbreId: string;
  /** The look that sounds like this; any will do where unset. */
  form?: string;
  /** How large the body is that sounds like this, 0..1 within its class; 0.5 where unset. */
  bodySize?: number;
  /** `[durationSec * PERFORMANCE_RATE_HZ]`, at any level. */
  samples: Float32Array;
  /** Sorted by start. */
  events: SoundEvent[];
  /** For sounds whose pitch glides within an event: MIDI numbers at the control rate. */
  pitchMidi?: Float32Array;
  /** What it was made from, where it was not synthesised. */
  recording?: RecordingUse;
}

export type Synthesise = (request: SynthesisRequest) => SynthesisedSound;

/** Hertz as a MIDI number, 69 at 440 Hz, with fractions. */
export function midiOfHz(hz: number): number {
  return 69 + 12 * Math.log2(hz / 440);
}
